-- A graph that is made with more care finds more with fewer walks in sight (docs/fleet.md).
drop index if exists rt_gait.template_search;
create index template_search on rt_gait.template using hnsw (search_key public.halfvec_l2_ops)
    with (m = 16, ef_construction = 200);
