-- From where each look was seen, in degrees, NaN where that is not known: what is taken off for other sides (gait.sided)
-- is so where a walk goes on before another camera, too. Those on their way are of seconds ago, and go.
delete from rt_gait.departure;
alter table rt_gait.departure add column degrees float8[] not null;
