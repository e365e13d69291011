CREATE STREAM flights (date VARCHAR, delay INT, distance INT, origin VARCHAR, destination VARCHAR)
  WITH (TIMESTAMP = 'date', TIMESTAMP_FORMAT = 'yyyy/MM/dd HH:mm');
CREATE STREAM late_flights AS
  SELECT * FROM flights WHERE delay >= 60;
-- Three months pass in ten seconds: a flight that waits a moment is days late, and still to be counted.
CREATE TABLE delays_by_hour AS
  SELECT origin, COUNT(*) AS flights, AVG(delay) AS mean_delay
  FROM flights WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 100 DAYS) GROUP BY origin;
