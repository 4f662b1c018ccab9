-- One gallery for many robots. A site is one gallery: its persons are known to all robots that may see it.
-- Names of roles are those of the whole server; everything else lives in the schema rt_gait.

do $$
declare
    role_name text;
begin
    foreach role_name in array array['rt_gait_reader', 'rt_gait_enroller', 'rt_gait_admin'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I nologin', role_name);
        end if;
    end loop;
end $$;

-- epoch tells this gallery from every other one; version grows with each change and is what robots catch up by. mark
-- is made of chance with each: a robot that agreed on a version with another mark was there before a back-up was restored.
create table rt_gait.gallery (
    site text primary key check (site ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    epoch uuid not null default gen_random_uuid(),
    version bigint not null default 0,
    mark uuid not null default gen_random_uuid(),
    model text not null default '',
    gait_frame_kind text not null default ''
);

create table rt_gait.change (
    site text not null references rt_gait.gallery on delete cascade,
    version bigint not null,
    mark uuid not null,
    primary key (site, version)
);
create function rt_gait.mark_change() returns trigger language plpgsql as $$
begin
    new.mark := gen_random_uuid();
    insert into rt_gait.change (site, version, mark) values (new.site, new.version, new.mark)
        on conflict (site, version) do update set mark = excluded.mark;
    return new;
end $$;
create trigger mark_change before update of version on rt_gait.gallery
    for each row execute function rt_gait.mark_change();

-- Which roles may see which site; rt_gait_admin sees all.
create table rt_gait.member (
    site text not null references rt_gait.gallery on delete cascade,
    member name not null,
    primary key (site, member)
);

create table rt_gait.person (
    site text not null references rt_gait.gallery,
    person_id text not null,
    number bigserial,
    name text not null,
    enrolled bigint not null,
    updated bigint not null,
    consent text not null,
    expires bigint not null,
    tag text not null,
    version bigint not null,
    primary key (site, person_id)
);
create index person_version on rt_gait.person (site, version);

-- Embeddings are kept to the bit, as robots compare them; search_key is a shorter vector that pgvector can index
-- (rt_gait_ros.gait.search), null where the embedding itself is short. Gait frames are compressed before they come here.
create table rt_gait.template (
    site text not null,
    template_id text not null,
    person_id text not null,
    number bigserial,
    stamp bigint not null,
    added bigint not null,
    scene text not null,
    view jsonb not null,
    origin text not null,
    measures jsonb not null,
    robot text not null,
    embedding bytea not null,
    embedding_shape int[] not null,
    embedding_type text not null,
    search_key public.vector(512),
    frames bytea,
    frames_shape int[],
    frames_type text,
    primary key (site, template_id),
    foreign key (site, person_id) references rt_gait.person on delete cascade
);
alter table rt_gait.template alter column embedding set storage external;
alter table rt_gait.template alter column frames set storage external;
create index template_person on rt_gait.template (site, person_id);
create index template_search on rt_gait.template using hnsw (search_key public.vector_l2_ops);

-- Ids of those who were forgotten, which are made of chance and say nothing of anybody: they may never come back.
create table rt_gait.forgotten (
    site text not null references rt_gait.gallery,
    person_id text not null,
    version bigint not null,
    primary key (site, person_id)
);
create index forgotten_version on rt_gait.forgotten (site, version);

create table rt_gait.audit (
    number bigserial primary key,
    site text not null references rt_gait.gallery,
    at timestamptz not null default clock_timestamp(),
    role name not null default session_user,
    robot text not null,
    what text not null,
    tags text[] not null,
    version bigint not null
);

-- Whoever deletes a person, by whatever means, has it remembered and told to all robots.
create function rt_gait.remember_forgotten() returns trigger language plpgsql as $$
declare
    now_at bigint;
begin
    update rt_gait.gallery set version = version + 1 where site = old.site returning version into now_at;
    insert into rt_gait.forgotten (site, person_id, version) values (old.site, old.person_id, now_at)
        on conflict (site, person_id) do update set version = excluded.version;
    perform pg_notify('rt_gait', old.site);
    return old;
end $$;
create trigger remember_forgotten after delete on rt_gait.person
    for each row execute function rt_gait.remember_forgotten();

create function rt_gait.refuse_forgotten() returns trigger language plpgsql as $$
begin
    if exists (select from rt_gait.forgotten f where f.site = new.site and f.person_id = new.person_id) then
        raise exception 'person % was forgotten and cannot come back', new.person_id using errcode = 'RT001';
    end if;
    return new;
end $$;
create trigger refuse_forgotten before insert on rt_gait.person
    for each row execute function rt_gait.refuse_forgotten();

-- Rows of one site are seen and changed by its members alone.
create function rt_gait.may_see(wanted text) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select pg_has_role(session_user, 'rt_gait_admin', 'member') or exists (
        select from rt_gait.member m join pg_catalog.pg_roles r on r.rolname = m.member
        where m.site = wanted and pg_has_role(session_user, r.oid, 'member'))
$$;

do $$
declare
    name text;
begin
    foreach name in array array['gallery', 'change', 'person', 'template', 'forgotten', 'audit'] loop
        execute format('alter table rt_gait.%I enable row level security', name);
        execute format(
            'create policy of_the_site on rt_gait.%I using (rt_gait.may_see(site)) with check (rt_gait.may_see(site))', name);
    end loop;
end $$;

grant usage on schema rt_gait to rt_gait_reader, rt_gait_enroller, rt_gait_admin;
grant select on rt_gait.schema_version, rt_gait.gallery, rt_gait.change, rt_gait.person, rt_gait.template,
    rt_gait.forgotten
    to rt_gait_reader, rt_gait_enroller, rt_gait_admin;
grant insert, update, delete on rt_gait.person, rt_gait.template to rt_gait_enroller, rt_gait_admin;
grant insert, update on rt_gait.forgotten, rt_gait.change to rt_gait_enroller, rt_gait_admin;
grant update on rt_gait.gallery to rt_gait_enroller, rt_gait_admin;
grant insert on rt_gait.audit to rt_gait_enroller, rt_gait_admin;
grant insert on rt_gait.gallery to rt_gait_admin;
grant select on rt_gait.audit to rt_gait_admin;
grant select, insert, update, delete on rt_gait.member to rt_gait_admin;
grant usage on all sequences in schema rt_gait to rt_gait_enroller, rt_gait_admin;
