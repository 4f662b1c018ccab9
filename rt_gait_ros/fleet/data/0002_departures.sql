-- Looks at walkers who left a robot's view, for some seconds, for the robots that share the gallery (gait.handover).
-- Nobody's back-up needs them: they are not in the write-ahead log, and empty after a crash.
create unlogged table rt_gait.departure (
    number bigint generated always as identity primary key,
    site text not null references rt_gait.gallery on delete cascade,
    origin text not null,
    robot text not null,
    model text not null,
    person_id text not null,
    ends timestamptz not null check (ends <= clock_timestamp() + interval '5 minutes'),
    embeddings bytea not null check (length(embeddings) <= 16777216),
    shape int[] not null,
    type text not null,
    weights float8[] not null,
    frames int[] not null
);
create index departure_ends on rt_gait.departure (site, ends);

-- They may be of whoever is forgotten.
create function rt_gait.drop_departures() returns trigger language plpgsql as $$
begin
    delete from rt_gait.departure where site = old.site;
    return old;
end $$;
create trigger drop_departures after delete on rt_gait.person
    for each row execute function rt_gait.drop_departures();

-- Which sites this role may see, asked once a statement: rt_gait.may_see is asked for every row.
create function rt_gait.sites() returns text[]
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(site), '{}') from rt_gait.gallery where rt_gait.may_see(site)
$$;

do $$
declare
    name text;
begin
    alter table rt_gait.departure enable row level security;
    foreach name in array array['change', 'person', 'template', 'forgotten', 'audit', 'departure'] loop
        execute format('drop policy if exists of_the_site on rt_gait.%I', name);
        execute format(
            'create policy of_the_site on rt_gait.%I using (site = any ((select rt_gait.sites())::text[]))'
            ' with check (site = any ((select rt_gait.sites())::text[]))', name);
    end loop;
end $$;

grant select on rt_gait.departure to rt_gait_reader, rt_gait_enroller, rt_gait_admin;
grant insert, delete on rt_gait.departure to rt_gait_enroller, rt_gait_admin;

-- Half of the bytes, and stored in the row itself: a search that looks at many of them reads nothing else.
drop index rt_gait.template_search;
alter table rt_gait.template alter column search_key type public.halfvec(512) using search_key::public.halfvec(512);
alter table rt_gait.template alter column search_key set storage plain;
create index template_search on rt_gait.template using hnsw (search_key public.halfvec_l2_ops);
