-- The number of a change that is made at the same time as 004; that file takes this one's place.
SELECT 1;
