"""One robot: a generated scene, the networks, and a copy of a server's gallery: ADDRESS SCENE [NAME].

With NAME it enrols the only walker of the scene by that name. It says in lines of JSON when it enrolled her, and when
it named or did not name a walker; it plays the scene again and again until it is
asked to end (SIGTERM), and then closes its pipeline.
"""

import json
import signal
import sys
import time

from rt_gait_ros import GaitPipeline, open_source
from rt_gait_ros.gait.identity import IdentityStatus

PERIOD = 100_000_000  # ns between images


def say(what, **more):
    sys.stdout.write(json.dumps({"what": what, "at": time.monotonic(), **more}) + "\n")
    sys.stdout.flush()


def main():
    address, scene, *name = sys.argv[1:]
    ending = []
    signal.signal(signal.SIGTERM, lambda number, frame: ending.append(number))
    with GaitPipeline(address) as gait:
        enrollment, said, known = None, "", False
        stamp = 0
        while not ending:
            for frame in open_source(scene, pace=False, fps=1e9 / PERIOD):
                if ending:
                    break
                stamp += PERIOD
                people = gait.process(frame.image, stamp)
                if name and enrollment is None and any(person.walking for person in people):
                    enrollment = gait.enroll("", name[0])
                if enrollment is not None and enrollment.done:
                    say("enrolled", person_id=enrollment.person_id, error=enrollment.message)
                    enrollment, name = None, []
                if bool(gait.persons) != known:
                    known = bool(gait.persons)
                    say("known" if known else "forgotten", images=stamp // PERIOD)
                for person in people:
                    if person.status is not IdentityStatus.COLLECTING and person.name + str(person.status) != said:
                        said = person.name + str(person.status)
                        say("looked", name=person.name, reason=person.reason, images=stamp // PERIOD)


if __name__ == "__main__":
    main()
