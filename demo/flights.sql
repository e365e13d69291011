CREATE STREAM flights (date VARCHAR, delay INT, distance INT, origin VARCHAR, destination VARCHAR)
  WITH (TIMESTAMP = 'date', TIMESTAMP_FORMAT = 'yyyy/MM/dd HH:mm');
CREATE STREAM late_flights AS
  SELECT * FROM flights WHERE delay >= 60;
-- Each late flight with what the table says about the airport that it left.
CREATE STREAM late_departures AS
  SELECT late.origin, name AS airport, city, state, destination, date, delay
  FROM late_flights late JOIN airports ON late.origin = airports.iata;
-- Windows are kept for a day of event time by default, these for all of the three months.
CREATE TABLE delays_by_hour AS
  SELECT origin, COUNT(*) AS flights, AVG(delay) AS mean_delay
  FROM flights WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 365 DAYS) GROUP BY origin;
