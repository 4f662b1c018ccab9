-- What each robot's cameras learnt of their places (gait.scene): mean embeddings of walks, most of them of people whom
-- nobody knows. They are the back-up of one robot, and another one's only where somebody copies them.
create table rt_gait.scene_vote (
    site text not null references rt_gait.gallery on delete cascade,
    robot text not null,
    model text not null,
    scene text not null,
    vote_id text not null,
    stamp bigint not null,
    owners text[] not null,
    embedding bytea not null check (length(embedding) <= 16777216),
    embedding_shape int[] not null,
    embedding_type text not null,
    search_key public.halfvec(512),
    near float8,
    primary key (site, robot, model, scene, vote_id)
);
alter table rt_gait.scene_vote alter column embedding set storage external;
create index scene_vote_stamp on rt_gait.scene_vote (site, stamp);

-- The last exchange of a robot's scenes, made of chance: where it is not the one that the robot remembers, the server
-- was restored from a back-up.
create table rt_gait.scene_exchange (
    site text not null references rt_gait.gallery on delete cascade,
    robot text not null,
    mark uuid not null,
    primary key (site, robot)
);

-- Whoever is forgotten, by whatever means, takes along the walks of all robots' scenes that may be theirs: those that
-- were named so, and those whose search keys are within `near` of a walk of theirs. `near` is larger than the distance
-- at which two walks may be one person's, since keys only estimate distances; where keys cannot say it, they all go.
-- Who was merged into somebody has no walks left, and what was named so is the other's by then.
create function rt_gait.clear_scenes() returns trigger language plpgsql as $$
begin
    delete from rt_gait.scene_vote v where v.site = old.site and (
        old.person_id = any (v.owners)
        or exists (
            select from rt_gait.template t
            where t.site = old.site and t.person_id = old.person_id and (
                v.search_key is null or v.near is null or t.search_key is null
                or v.embedding_shape <> t.embedding_shape
                or v.model <> (select g.model from rt_gait.gallery g where g.site = old.site)
                or v.search_key operator(public.<->) t.search_key <= v.near)));
    return old;
end $$;
create trigger clear_scenes before delete on rt_gait.person
    for each row execute function rt_gait.clear_scenes();

do $$
declare
    name text;
begin
    foreach name in array array['scene_vote', 'scene_exchange'] loop
        execute format('alter table rt_gait.%I enable row level security', name);
        execute format(
            'create policy of_the_site on rt_gait.%I using (site = any ((select rt_gait.sites())::text[]))'
            ' with check (site = any ((select rt_gait.sites())::text[]))', name);
    end loop;
end $$;

grant select on rt_gait.scene_vote, rt_gait.scene_exchange to rt_gait_reader, rt_gait_enroller, rt_gait_admin;
grant insert, update, delete on rt_gait.scene_vote, rt_gait.scene_exchange to rt_gait_enroller, rt_gait_admin;
