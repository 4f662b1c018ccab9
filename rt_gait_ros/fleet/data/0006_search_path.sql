-- Triggers know PostgreSQL's own functions and operators, whatever the role that sets them off has of its own. With an =
-- that is never true, whoever deleted somebody had nobody remembered; and PostgreSQL 18 runs clear_scenes as the owner of
-- the tables where walks are deleted with their person, so that a robot's operators would have been run as the owner.
alter function rt_gait.mark_change() set search_path = pg_catalog, pg_temp;
alter function rt_gait.refuse_forgotten() set search_path = pg_catalog, pg_temp;
alter function rt_gait.refuse_walk_of_forgotten() set search_path = pg_catalog, pg_temp;
alter function rt_gait.take_turn() set search_path = pg_catalog, pg_temp;
alter function rt_gait.remember_forgotten() set search_path = pg_catalog, pg_temp;
alter function rt_gait.clear_scenes() set search_path = pg_catalog, pg_temp;
