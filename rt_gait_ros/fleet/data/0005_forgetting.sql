-- Forgetting many at once: what was done for each person who is deleted is done once for all whom a statement deletes.
drop trigger remember_forgotten on rt_gait.person;
drop function rt_gait.remember_forgotten();
drop trigger drop_departures on rt_gait.person;
drop function rt_gait.drop_departures();
drop trigger clear_scenes on rt_gait.person;
drop function rt_gait.clear_scenes();

-- Whoever brings people or walks holds the gallery's row; whoever deletes people waits for them, and they for it.
create function rt_gait.take_turn() returns trigger language plpgsql as $$
begin
    perform from rt_gait.gallery g where g.site = old.site for update;
    return old;
end $$;
create trigger take_turn before delete on rt_gait.person
    for each row execute function rt_gait.take_turn();

-- Whoever deletes persons, by whatever means, has them remembered and told to all robots. They take along walks of all
-- robots' scenes that were named as theirs, and the looks at walkers on their way, which may be of any of them.
create function rt_gait.remember_forgotten() returns trigger language plpgsql as $$
begin
    with told as (
        update rt_gait.gallery g set version = g.version + 1
        where g.site in (select gone.site from gone) returning g.site, g.version
    )
    insert into rt_gait.forgotten (site, person_id, version)
        select gone.site, gone.person_id, told.version from gone join told on told.site = gone.site
        on conflict (site, person_id) do update set version = excluded.version;
    delete from rt_gait.departure d where d.site in (select gone.site from gone);
    delete from rt_gait.scene_vote v
        using (select gone.site, array_agg(gone.person_id) as ids from gone group by gone.site) as theirs
        where v.site = theirs.site and v.owners && theirs.ids;
    perform pg_notify('rt_gait', each.site) from (select distinct gone.site from gone) as each;
    return null;
end $$;
create trigger remember_forgotten after delete on rt_gait.person
    referencing old table as gone for each statement execute function rt_gait.remember_forgotten();

-- So do walks of scenes whose search keys are within `near` of a walk of theirs. `near` is larger than the distance at
-- which two walks may be one person's, since keys only estimate distances; where keys cannot say it, they all go. The
-- walks of whoever is deleted are deleted with them, by the foreign key; a walk whose person stays takes nothing along.
-- Who was merged into somebody has no walks left, and what was named so is the other's by then.
create function rt_gait.clear_scenes() returns trigger language plpgsql as $$
declare
    place record;
begin
    for place in
        select theirs.site, g.model, theirs.can_tell, theirs.shapes from rt_gait.gallery g join (
            select gone.site, bool_and(gone.search_key is not null) as can_tell,
                array_agg(distinct gone.embedding_shape::text) as shapes
            from gone where not exists (
                select from rt_gait.person p where p.site = gone.site and p.person_id = gone.person_id)
            group by gone.site) as theirs on theirs.site = g.site
        for update of g
    loop
        delete from rt_gait.scene_vote v where v.site = place.site and (
            not place.can_tell or v.search_key is null or v.near is null or v.model <> place.model
            or array[v.embedding_shape::text] <> place.shapes);
        -- Nothing else here is done for each pair of walks: this is what takes the time.
        with theirs as materialized (
            select gone.search_key from gone where gone.site = place.site and not exists (
                select from rt_gait.person p where p.site = gone.site and p.person_id = gone.person_id)
        )
        delete from rt_gait.scene_vote v where v.site = place.site and exists (
            select from theirs where v.search_key operator(public.<->) theirs.search_key <= v.near);
    end loop;
    return null;
end $$;
create trigger clear_scenes after delete on rt_gait.template
    referencing old table as gone for each statement execute function rt_gait.clear_scenes();
