-- A back-up of what robots' cameras learnt of their places (gait.scene), of those robots whose owners asked for one: mean
-- embeddings of walks, most of them of people whom nobody knows. The disk of the robot is what counts: its rows are those
-- of `copy`, which is made of chance beside its copy of the gallery, and are made equal to it.
create table rt_gait.scene_vote (
    site text not null references rt_gait.gallery on delete cascade,
    robot text not null check (length(robot) between 1 and 64),
    copy uuid not null,
    model text not null check (length(model) between 1 and 200 and model !~ '^[.]|[/\\[:cntrl:]]'),
    scene text not null check (length(scene) between 1 and 200 and scene !~ '[[:cntrl:]]'),
    vote_id text not null check (length(vote_id) <= 64),
    stamp bigint not null,
    stored timestamptz not null,
    owners text[] not null,
    embedding bytea not null check (length(embedding) <= 16777216),
    embedding_shape int[] not null,
    embedding_type text not null,
    search_key public.halfvec(512),
    near float8,
    primary key (site, copy, robot, model, scene, vote_id)
);
alter table rt_gait.scene_vote alter column embedding set storage external;
create index scene_vote_stored on rt_gait.scene_vote (site, stored);

-- A walk that was named as somebody who is forgotten is not taken, whoever brings it, and the time it is kept for is the
-- server's.
create function rt_gait.refuse_walk_of_forgotten() returns trigger language plpgsql as $$
begin
    if exists (select from rt_gait.forgotten f where f.site = new.site and f.person_id = any (new.owners)) then
        if tg_op = 'INSERT' then
            return null;
        end if;
        raise exception 'a walk cannot become that of somebody who was forgotten' using errcode = 'RT001';
    end if;
    new.stored := case when tg_op = 'INSERT' then clock_timestamp() else old.stored end;
    return new;
end $$;
create trigger refuse_walk_of_forgotten before insert or update on rt_gait.scene_vote
    for each row execute function rt_gait.refuse_walk_of_forgotten();

-- Whoever is forgotten, by whatever means, takes along the walks of all robots' scenes that may be theirs: those that
-- were named so, and those whose search keys are within `near` of a walk of theirs. `near` is larger than the distance
-- at which two walks may be one person's, since keys only estimate distances; where keys cannot say it, they all go.
-- Who was merged into somebody has no walks left, and what was named so is the other's by then. Who brings walks holds
-- the gallery's row, so the walks that are just being brought are waited for.
create function rt_gait.clear_scenes() returns trigger language plpgsql as $$
begin
    perform from rt_gait.gallery g where g.site = old.site for update;
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

alter table rt_gait.scene_vote enable row level security;
create policy of_the_site on rt_gait.scene_vote using (site = any ((select rt_gait.sites())::text[]))
    with check (site = any ((select rt_gait.sites())::text[]));

grant select on rt_gait.scene_vote to rt_gait_reader, rt_gait_enroller, rt_gait_admin;
grant insert, update, delete on rt_gait.scene_vote to rt_gait_enroller, rt_gait_admin;
