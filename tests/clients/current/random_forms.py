"""Forms of SELECTs for pg_random, as templates: each place in braces is replaced by a random part of that kind.

  {int} {bigint} {text} {bool} {double} {numeric} {timestamp} {timestamptz} {date}   an expression
  {cond}   a condition          {from}   FROM with one table, whose alias is `a`, often with a WHERE
  {col}    a column of `a`      {one|two|three}   one of these words
  {lit:kind}   a literal        {table}   the name of a table, with the columns k and n or f1 of TYPED
"""
import re

PLACE = re.compile(r"\{([^{}]*)\}")
KINDS = ("int", "bigint", "text", "bool", "double", "numeric", "timestamp", "timestamptz", "date")

JOINS = [
    "SELECT a.k AS c0, p.f1 AS c1 {from} , pk1 AS p",
    "SELECT a.k AS c0, l.n AS c1 FROM t3 AS a LEFT JOIN LATERAL (SELECT count(*) AS n FROM pk1 AS p WHERE p.f1 {=|<|>=} a.f1) AS l ON true",
    "SELECT a.k AS c0, l.f1 AS c1 FROM t3 AS a {CROSS JOIN LATERAL|LEFT JOIN LATERAL} (SELECT p.f1 FROM pk1 AS p WHERE p.k = a.f1) AS l {ON true|}",
    "SELECT x.k AS c0, y.k AS c1, z.k AS c2 FROM (pk1 AS x {JOIN|LEFT JOIN|FULL JOIN} pk2 AS y ON x.f1 = y.f1) {LEFT JOIN|RIGHT JOIN|JOIN} t3 AS z ON z.k = x.k",
    "SELECT x.k AS c0, y.k AS c1, z.k AS c2 FROM pk1 AS x {LEFT JOIN|JOIN|RIGHT JOIN} (pk2 AS y {LEFT JOIN|JOIN} t3 AS z ON z.f1 = y.f2) ON x.f1 = y.f1",
    "SELECT x.k AS c0, y.k AS c1 FROM pk1 AS x {LEFT JOIN|JOIN|RIGHT JOIN} pk2 AS y ON x.f1 {<|>|<>|<=} y.f1 AND x.k {<|=|>} y.k",
    "SELECT k, x.f1 AS c1, y.f2 AS c2 FROM pk1 AS x {LEFT|RIGHT|FULL|INNER} JOIN pk2 AS y USING (k)",
    "SELECT f1, count(*) AS n FROM pk1 {LEFT|RIGHT|FULL|INNER} JOIN pk2 USING (f1) GROUP BY f1",
    "SELECT * FROM pk1 AS x NATURAL {LEFT|FULL|INNER} JOIN pk2 AS y",
    "SELECT x.k AS c0, y.k AS c1 FROM t3 AS x {JOIN|LEFT JOIN} t4 AS y ON x.s = y.g {AND x.n < y.n|OR x.k = y.i|AND x.b|}",
    "SELECT x.k AS c0, y.k AS c1 FROM t3 AS x {LEFT JOIN|JOIN} t3 AS y ON x.f1 = y.f1 AND x.k < y.k",
    "SELECT x.k AS c0, y.c1 AS c1 FROM t3 AS x {LEFT JOIN|JOIN|RIGHT JOIN|FULL JOIN} (SELECT f1 AS c0, count(*) AS c1 FROM t3 GROUP BY f1) AS y ON x.f1 = y.c0",
    "SELECT x.k AS c0, y.k AS c1 FROM pk1 AS x {LEFT JOIN|JOIN} pk2 AS y ON x.k = y.k AND EXISTS (SELECT 1 FROM t3 WHERE t3.f1 = x.f1)",
    "SELECT x.k AS c0, y.v AS c1 FROM pk1 AS x {LEFT JOIN|JOIN|FULL JOIN} (VALUES (1, 'a'), (2, NULL), (NULL, 'c')) AS y (k, v) ON x.f1 = y.k",
    "SELECT x.k AS c0, g AS c1 FROM pk1 AS x {LEFT JOIN|JOIN|RIGHT JOIN|FULL JOIN} generate_series(0, 4) AS g ON g = x.f1",
    "SELECT x.k AS c0, y.k AS c1 FROM pk1 AS x {LEFT JOIN|JOIN} pk2 AS y ON (x.f1, x.f2) = (y.f1, y.f2)",
    "SELECT x.k AS c0, y.k AS c1 FROM pk1 AS x {LEFT JOIN|JOIN} pk2 AS y ON x.f1 IS NOT DISTINCT FROM y.f1",
]
SUBQUERIES = [
    "SELECT a.k AS c0, (SELECT count(*) FROM pk1 AS p WHERE p.f1 {=|<|<>} a.f1) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, (SELECT p.f1 FROM pk1 AS p WHERE p.k = a.f1 {AND p.f2 > 0|}) AS c1 FROM t3 AS a ORDER BY 1",
    "SELECT a.k AS c0 FROM t3 AS a WHERE (a.f1, a.k) {IN|NOT IN} (SELECT p.f1, p.k FROM pk1 AS p)",
    "SELECT a.k AS c0 FROM t3 AS a WHERE (a.f1, a.k) = (SELECT p.f1, p.k FROM pk1 AS p WHERE p.k = {1|3|99})",
    "SELECT a.k AS c0 FROM t3 AS a WHERE a.f1 {IN|NOT IN} (SELECT p.f1 FROM pk1 AS p {WHERE p.f1 IS NOT NULL|WHERE p.k = a.k|})",
    "SELECT a.k AS c0 FROM t3 AS a WHERE {EXISTS|NOT EXISTS} (SELECT FROM pk1 AS p WHERE p.f1 = a.f1 AND p.k {<|<>} a.k)",
    "SELECT a.f1 AS c0, count(*) AS c1 FROM t3 AS a GROUP BY a.f1 HAVING count(*) {>=|<} (SELECT count(*) FROM pk1 AS p WHERE p.f1 = a.f1)",
    "SELECT CASE WHEN {cond} THEN (SELECT max(p.f1) FROM pk1 AS p) ELSE (SELECT min(p.k) FROM pk2 AS p WHERE p.f1 = a.k) END AS c0 FROM t3 AS a",
    "SELECT abs((SELECT min(p.f1) FROM pk1 AS p WHERE p.k {<|>} a.k)) AS c0, coalesce((SELECT p.f1 FROM pk1 AS p WHERE p.k = a.k), 99) AS c1 FROM t3 AS a",
    "SELECT ARRAY(SELECT p.f1 FROM pk1 AS p WHERE p.k {<|>} a.k ORDER BY p.f1, p.k) AS c0 FROM t3 AS a",
    "SELECT a.k AS c0 FROM t3 AS a WHERE a.f1 {=|<|>|<>} {ANY|ALL|SOME} (SELECT p.f1 FROM pk1 AS p WHERE p.k {<|>} a.k)",
    "SELECT a.k AS c0 FROM t3 AS a ORDER BY (SELECT count(*) FROM pk1 AS p WHERE p.f1 = a.f1), a.k LIMIT 4",
    "SELECT s.c0 AS c0, s.c1 + 1 AS c1 FROM (SELECT a.f1 AS c0, count(*) AS c1 FROM t3 AS a GROUP BY a.f1) AS s WHERE s.c1 {>|<} (SELECT avg(f1) FROM pk1)",
    "SELECT a.k AS c0 FROM t3 AS a LIMIT (SELECT count(*) FROM pk1 WHERE f1 IS NULL) OFFSET 100",
    "SELECT (SELECT string_agg(p.k::text, ',' ORDER BY p.k) FROM pk1 AS p WHERE p.f1 = a.f1) AS c0, count(*) AS c1 FROM t3 AS a GROUP BY a.f1",
    "SELECT a.k AS c0 FROM t3 AS a WHERE a.n > (SELECT avg(b.n) FROM t3 AS b WHERE b.f1 {=|IS NOT DISTINCT FROM} a.f1)",
    "SELECT (SELECT (SELECT max(q.f1) FROM pk2 AS q WHERE q.k = p.k) FROM pk1 AS p WHERE p.k = a.k) AS c0 FROM t3 AS a",
    "SELECT a.k AS c0 FROM t3 AS a WHERE ROW(a.f1, a.f2) {<|>|<=|=|<>} ROW({int}, {bigint})",
    "SELECT sum((SELECT p.f1 FROM pk1 AS p WHERE p.k = a.k)) AS c0 FROM t3 AS a",
]
GROUPS = [
    "SELECT {col} AS c0, count(*) AS c1, grouping({col}) AS c2 {from} GROUP BY {ROLLUP|CUBE} (1, {col})",
    "SELECT a.f1 AS c0, a.s AS c1, grouping(a.f1, a.s) AS c2, count(*) AS c3 FROM t3 AS a GROUP BY {ROLLUP (a.f1, a.s)|CUBE (a.f1, a.s)|GROUPING SETS ((a.f1, a.s), (a.s), ())}",
    "SELECT a.f1 AS c0, a.b AS c1, sum(a.f2) AS c2 FROM t3 AS a GROUP BY a.b, {ROLLUP (a.f1)|GROUPING SETS ((a.f1), ())} HAVING count(*) {>|>=} 1",
    "SELECT {int} AS c0, count(*) AS c1 {from} GROUP BY 1",
    "SELECT count(*) AS c0 {from} HAVING count(*) > {0|3|99}",
    "SELECT a.f1 AS c0, sum(count(*)) OVER (ORDER BY a.f1 NULLS {FIRST|LAST}) AS c1 FROM t3 AS a GROUP BY a.f1",
    "SELECT a.f1 AS c0, rank() OVER (ORDER BY sum(a.f2) DESC NULLS LAST, a.f1) AS c1 FROM t3 AS a GROUP BY a.f1",
    "SELECT a.f1 AS c0, string_agg(a.s, '{,|-|}' ORDER BY a.s {DESC|ASC} NULLS {FIRST|LAST}, a.k) AS c1 FROM t3 AS a GROUP BY a.f1",
    "SELECT a.f1 AS c0, array_agg(a.s ORDER BY a.k {DESC|ASC}) FILTER (WHERE {cond}) AS c1 FROM t3 AS a GROUP BY a.f1",
    "SELECT array_agg(DISTINCT a.f1 ORDER BY a.f1 {DESC|ASC} NULLS {FIRST|LAST}) AS c0 FROM t3 AS a",
    "SELECT percentile_disc({0|0.25|0.5|1}) WITHIN GROUP (ORDER BY a.f1) AS c0, percentile_cont({0|0.3|1}) WITHIN GROUP (ORDER BY a.f1) AS c1 FROM t3 AS a",
    "SELECT bit_or(a.f1) AS c0, bit_and(a.f1) AS c1, bool_or(a.b) AS c2, every(a.b) AS c3 FROM t3 AS a WHERE {cond}",
    "SELECT min(a.s) AS c0, max(a.ts) AS c1, min(a.n) AS c2, count(DISTINCT a.s) AS c3 FROM t3 AS a WHERE {cond}",
    "SELECT min(a.da) AS c0, max(a.tz) AS c1, avg(a.i) AS c2, count(DISTINCT (a.g, a.i)) AS c3 FROM t4 AS a WHERE a.i {<|>} {int}",
    "SELECT jsonb_object_agg(a.k, a.f1) AS c0, jsonb_agg(a.s ORDER BY a.k) AS c1 FROM t3 AS a WHERE a.k < {4|0|9}",
    "SELECT corr(a.f1, a.k) IS NULL AS c0, regr_count(a.f1, a.k) AS c1, covar_pop(1, a.k) AS c2 FROM t3 AS a",
    "SELECT date_trunc('{month|year|day}', a.ts) AS c0, count(*) AS c1 FROM t3 AS a GROUP BY 1 HAVING max(a.k) > {2|5}",
    "SELECT coalesce(a.s, '-') AS c0, count(*) FILTER (WHERE a.b) AS c1, count(a.b) FILTER (WHERE NOT a.b) AS c2 FROM t3 AS a GROUP BY coalesce(a.s, '-')",
    "SELECT DISTINCT ON (a.f1, a.b) a.f1 AS c0, a.b AS c1, a.k AS c2 FROM t3 AS a ORDER BY a.f1 {DESC|ASC}, a.b, a.k {DESC|ASC}",
    "SELECT DISTINCT {int} AS c0, {bool} AS c1 {from} ORDER BY 1, 2",
    "SELECT DISTINCT a.n AS c0, a.d AS c1 FROM t3 AS a",
    "SELECT sum(DISTINCT a.n) AS c0, avg(DISTINCT a.f1) AS c1, sum(a.f2) AS c2 FROM t3 AS a WHERE {cond}",
    "SELECT a.b AS c0, mode() WITHIN GROUP (ORDER BY a.f1) AS c1 FROM t3 AS a GROUP BY a.b",
]
WINDOWS = [
    "SELECT a.k AS c0, sum(a.f1) OVER w AS c1, count(*) OVER w AS c2 FROM t3 AS a WINDOW w AS (PARTITION BY a.b ORDER BY a.k {DESC|ASC})",
    "SELECT a.k AS c0, sum(a.f1) OVER (ORDER BY a.k RANGE BETWEEN {1|2} PRECEDING AND {CURRENT ROW|3 FOLLOWING|UNBOUNDED FOLLOWING}) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, count(*) OVER (ORDER BY a.f1 GROUPS BETWEEN 1 PRECEDING AND {CURRENT ROW|1 FOLLOWING}) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, sum(a.k) OVER (ORDER BY a.k ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE {CURRENT ROW|GROUP|TIES|NO OTHERS}) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, {rank|dense_rank|percent_rank|cume_dist}() OVER (PARTITION BY a.b ORDER BY a.f1 {DESC|ASC} NULLS {FIRST|LAST}) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, {lag|lead}(a.s, {1|2|0}, '{x|}') OVER (PARTITION BY a.b ORDER BY a.k) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, {first_value|last_value}(a.f1) OVER (PARTITION BY a.b ORDER BY a.k ROWS BETWEEN {UNBOUNDED|1} PRECEDING AND {UNBOUNDED FOLLOWING|CURRENT ROW}) AS c1 FROM t3 AS a",
    "SELECT a.k AS c0, ntile({1|2|3|20}) OVER (ORDER BY a.k {DESC|ASC}) AS c1, nth_value(a.k, {1|3}) OVER (ORDER BY a.k) AS c2 FROM t3 AS a",
    "SELECT a.k AS c0, sum(a.f1) FILTER (WHERE a.b) OVER (ORDER BY a.k) AS c1 FROM t3 AS a",
    "SELECT s.k AS c0 FROM (SELECT a.k, row_number() OVER (PARTITION BY a.f1 ORDER BY a.k DESC) AS n FROM t3 AS a) AS s WHERE s.n = 1",
    "SELECT a.k AS c0, sum(sum(a.f1)) OVER (PARTITION BY a.b ORDER BY a.k) AS c1 FROM t3 AS a GROUP BY a.k, a.b",
    "SELECT a.k AS c0, avg(a.f1) OVER (PARTITION BY a.b) AS c1, max(a.s) OVER () AS c2, string_agg(a.s, ',') OVER (ORDER BY a.k) AS c3 FROM t3 AS a",
    "SELECT a.k AS c0, count(*) OVER (ORDER BY a.ts RANGE BETWEEN interval '{1 day|1 month}' PRECEDING AND CURRENT ROW) AS c1 FROM t3 AS a WHERE a.ts IS NOT NULL",
    "SELECT a.k AS c0, a.f1 - lag(a.f1) OVER (ORDER BY a.k) AS c1, row_number() OVER (ORDER BY a.k) % 2 AS c2 FROM t3 AS a ORDER BY 1 LIMIT 5",
]
SETS = [
    "(SELECT {int} AS c0 {from}) {UNION|UNION ALL|EXCEPT|INTERSECT} (SELECT f1 FROM pk1 ORDER BY k LIMIT 3)",
    "SELECT f1 FROM pk1 {UNION|EXCEPT|INTERSECT ALL} (SELECT f1 FROM pk2 {UNION ALL|EXCEPT ALL|INTERSECT} SELECT f1 FROM t3)",
    "SELECT f1, f2 FROM pk1 {UNION|EXCEPT|INTERSECT} VALUES (1, 2), (NULL, NULL), (0, 7)",
    "SELECT count(*) AS c0 FROM (SELECT f1 FROM pk1 {UNION|UNION ALL|EXCEPT|INTERSECT} SELECT f1 FROM t3) AS u",
    "SELECT f1 FROM pk1 {UNION|UNION ALL} SELECT f2 FROM t3 {UNION|UNION ALL} SELECT n FROM t4 ORDER BY 1 NULLS {FIRST|LAST} LIMIT {3|20} OFFSET {0|2}",
    "SELECT NULL AS c0 {UNION|UNION ALL} SELECT {int} {from}",
    "SELECT s, 1 FROM t3 {EXCEPT|EXCEPT ALL|INTERSECT|INTERSECT ALL|UNION} SELECT g, 1 FROM t4",
    "SELECT k FROM pk1 WHERE f1 IN (SELECT f1 FROM pk2 {UNION|EXCEPT|INTERSECT} SELECT f1 FROM t3)",
    "VALUES ({int}, {lit:text}), ({int}, {lit:text}) ORDER BY 1, 2",
]
COMMON = [
    "WITH x AS (SELECT f1, count(*) AS n FROM t3 GROUP BY f1), y AS (SELECT max(n) AS m FROM x) SELECT x.f1 AS c0, x.n = y.m AS c1 FROM x, y",
    "WITH x AS {MATERIALIZED|NOT MATERIALIZED} (SELECT k, f1 FROM t3 WHERE k < {3|8}) SELECT p.k AS c0, q.f1 AS c1 FROM x AS p {JOIN|LEFT JOIN} x AS q ON p.k = q.f1",
    "WITH x (p, q) AS (VALUES (1, 'a'), (2, NULL)) SELECT x.q AS c0, t.s AS c1 FROM x {LEFT JOIN|JOIN} t3 AS t ON t.f1 = x.p",
    "WITH RECURSIVE r (n, f) AS (SELECT 0, 1 UNION ALL SELECT n + 1, f * (n + 1) FROM r WHERE n < {3|6}) SELECT n AS c0, f AS c1 FROM r",
    "WITH RECURSIVE r AS (SELECT k, f1 FROM pk1 WHERE k = {1|2} UNION SELECT p.k, p.f1 FROM pk1 AS p JOIN r ON p.k = r.f1) SELECT * FROM r",
    "SELECT (WITH x AS (SELECT max(f1) AS m FROM pk1 WHERE k < a.k) SELECT m FROM x) AS c0 FROM t3 AS a",
    "SELECT g AS c0, count(a.k) AS c1 FROM generate_series({0|-1}, {3|5}{|, 2}) AS g LEFT JOIN t3 AS a ON a.f1 = g GROUP BY g",
    "SELECT u.x AS c0, u.i AS c1 FROM unnest(ARRAY['a', 'b', NULL]) WITH ORDINALITY AS u (x, i)",
    "SELECT a.k AS c0, u AS c1 FROM t3 AS a, unnest(ARRAY[a.f1, a.k]) AS u",
    "SELECT a.k AS c0, u.x AS c1, u.y AS c2 FROM t3 AS a, unnest(ARRAY[a.f1, a.k], ARRAY[a.s]) AS u (x, y)",
    "SELECT a.k AS c0, generate_series(1, a.f1) AS c1 FROM t3 AS a",
    "SELECT t AS c0 FROM generate_series(timestamp '2024-01-{01|30}', timestamp '2024-02-02', interval '{1 day|12 hours|1 month}') AS t",
    "SELECT a.k AS c0, s AS c1 FROM t3 AS a, regexp_split_to_table(a.s, '{a|b|}') AS s",
    "SELECT {lit:int} AS c0, {lit:text} AS c1, {lit:bool} AS c2",
]
EXPRESSIONS = {
    "numbers": [
        "{int} {<<|>>} {1|3}", "{int} {&|#} {int}", "~ {int}", "{bigint} * {bigint}", "{int} / {int}", "{int} % {int}", "{int}::smallint",
        "{bigint}::int", "2147483647 {+|-} {int}", "9223372036854775807 {+|-} {bigint}", "{double}::int",
        "{double}::bigint", "round({numeric}, {-1|0|1|2})", "trunc({numeric}, {-1|0|1})", "round({double})", "{numeric}::int", "{numeric}::bigint",
        "{numeric}::numeric(4,1)", "{numeric}::text", "{numeric} {+|-|*} {int}", "{numeric} = {int}", "{double} {<|=|>} {numeric}",
        "{double} {+|-|*} {int}", "mod({numeric}, 2)", "mod({bigint}, {int})", "abs({double})", "sign({int})", "ceil({double})", "floor({numeric})",
        "power({int}, {2|0|3})", "({int})::double precision / 3", "greatest({int}, {bigint}, {int})", "least({numeric}, {int})", "gcd({int}, {int})", "lcm({int}, 4)",
        "cbrt({int})", "|/ abs({int})", "div({int}::numeric, 3)", "sqrt({double})", "ln({int})", "exp({0|1})", "'NaN'::double precision {=|<|>} {double}",
        "'Infinity'::double precision {>|<} {double}", "{int}::text || {bigint}::text", "{int}::boolean", "{double}::text", "{double}::real",
        "to_char({int}, '{9999|0000|S999|FM999|999MI|999PR|9,999}')", "to_char({numeric}, '{990.99|FM90.0|000.0S}')", "width_bucket({double}, 0, 10, 4)",
        "1e{10|300|308} * {double}", "factorial(abs({int}))", "{int} BETWEEN SYMMETRIC {int} AND {int}", "numeric '{1e10|0.000001|-12345.678}' * {int}",
        "to_hex({int})", "bit_length({text})", "{int} IS DISTINCT FROM {bigint}", "-({numeric})", "@ {int}", "{int} ^ 2",
    ],
    "texts": [
        "{text} LIKE {lit:text}", "{text} LIKE '{a!%b|!_%|a_}' ESCAPE '!'", "{text} {LIKE|ILIKE|NOT LIKE} '{%A%|_b|%|a}'", "{text} {~|~*|!~|!~*} '{^a|b$|[a-z]+|A|^$|\\d}'",
        "{text} LIKE ANY (ARRAY['a%', '%b'])", "{text} NOT LIKE ALL (ARRAY['a%', '%b'])", "{text} SIMILAR TO '{a*|(a|b)+|_|%b}'", "substr({text}, {0|-1|2}, {1|2})",
        "substring({text} from '{a(.)|b|.}')", "left({text}, {-1|0|2})", "right({text}, {-1|0|1})", "rpad({text}, {0|3|5}, '{xy|*}')", "lpad({text}, {1|5}, '{ab|}')",
        "trim({leading|trailing|both} 'a' from {text})", "ltrim({text}, 'ab')", "rtrim({text}, 'b')", "split_part({text}, '{a|b|%}', {1|2|-1})",
        "regexp_match({text}, '{(a)(b)?|b}')", "regexp_replace({text}, '{a|(.)}', '{x|\\1\\1|}', '{g|i|}')", "regexp_split_to_array({text}, '{b|}')",
        "regexp_count({text}, 'a')", "regexp_like({text}, '{^a|b}')", "regexp_substr({text}, '[a-z]')", "regexp_instr({text}, 'b')",
        "translate({text}, 'ab', '{ba|x|}')", "overlay({text} placing 'ZZ' from {1|2} for {0|1})", "concat({text}, NULL, {int}, {bool})", "concat_ws('-', {text}, {text})",
        "format('%s|%I|%L', {text}, 'x y', {text})", "format('%2$s %1$s', {text}, {int})", "quote_ident({text})", "quote_nullable({text})", "ascii({text})",
        "chr(65 + abs({int}))", "initcap({text} || ' ' || {text})", "upper({text}) || lower({text})", "reverse({text})", "repeat({text}, {-1|0|2})",
        "strpos({text}, '{a|}')", "position('{a|b}' in {text})", "md5({text})", "encode({text}::bytea, '{hex|base64|escape}')", "decode('{00ff|}', 'hex')",
        "length({text}::bytea)", "{text}::varchar({1|2})", "{text}::char(3) || '|'", "{text} {<|<=|>|>=|=} {text}", "{text} COLLATE \"C\" {<|>} 'a'", "starts_with({text}, 'a')",
        "string_to_array({text}, '{a|}', 'b')", "string_to_array({text}, NULL)", "array_to_string(string_to_array({text}, 'a'), '+')", "{text}::int", "{text}::boolean", "{text}::date",
        "nullif({text}, '')", "char_length({text}) + octet_length({text})", "{text} || NULL", "{text} || {int}", "{text} IN ('a', NULL, 'b')", "{text} NOT IN ('a', NULL)",
        "unnest(string_to_array({text}, 'b'))", "to_number('{12|-3.50|1,234}', '{99|S9.99|9,999}')",
    ],
    "times": [
        "{timestamp} {+|-} interval '{1 month|1 day|-90 minutes|1 year 2 mons 3 days|1.5 hours}'", "{timestamp} - {timestamp}", "{timestamptz} - {timestamptz}", "{date} - {date}",
        "{date} + {int}", "{date} {+|-} interval '{1 day|1 mon}'", "{date} + time '10:00'", "age({timestamp}, {timestamp})", "{date}::timestamptz", "{timestamp}::timestamptz",
        "{timestamptz} AT TIME ZONE '{UTC|America/New_York|Asia/Kathmandu|Europe/Berlin}'", "{timestamp} AT TIME ZONE '{UTC|America/New_York|Europe/Berlin}'",
        "extract({year|month|day|hour|minute|second|dow|doy|isodow|isoyear|week|quarter|century|decade|millennium|epoch} FROM {timestamp})",
        "extract({year|day|epoch|hour} FROM {timestamptz})", "extract({year|month|dow|epoch} FROM {date})", "date_part('{year|month|day|hour|week}', {timestamp})",
        "extract({day|hour|minute|epoch} FROM ({timestamp} - {timestamp}))", "date_trunc('{century|decade|year|quarter|month|week|day|hour|minute|second}', {timestamp})",
        "date_trunc('{day|month|hour}', {timestamptz})", "date_bin('{15 minutes|1 day}', {timestamp}, timestamp '2000-01-01')", "make_timestamp(2024, 2, 29, {0|23}, 5, 6.5)",
        "make_interval(days => {int})", "make_date(2000 + abs({int}), 2, 28)", "justify_days(interval '{35 days|-40 days}')", "justify_interval({timestamp} - {timestamp})",
        "interval '{1 day|2 hours|1 month}' * {int}", "interval '1 day' / {2|4}", "interval '{1 day|24 hours|1 month}' {=|<|>} interval '{30 days|24 hours}'",
        "to_char({timestamp}, '{YYYY-MM-DD HH24:MI:SS.MS|Dy DD Mon|HH12 AM|Q|WW|J|FMDD FMMonth|YY-MM|TMDay|US|SSSS}')", "to_char({date}, '{Day, DD Month|IYYY-IW}')",
        "to_date('{2024-02-29|2023-12-31}', 'YYYY-MM-DD')", "to_timestamp('{2024-02-29 10:11|2023-01-01 00:00}', 'YYYY-MM-DD HH24:MI')", "to_timestamp({0|1.5|1700000000})",
        "{timestamp} {<|=|>} {date}", "{timestamp}::date = {date}", "{timestamp}::time", "{timestamptz}::timestamp", "{timestamptz}::text", "{timestamp}::text", "{date}::text",
        "isfinite({timestamp})", "({timestamp}, {timestamp}) OVERLAPS ({timestamp}, {timestamp})", "greatest({timestamp}, {timestamp})", "{date} IN ('2024-02-29', NULL)",
        "time '{10:00|23:59:59}' {+|-} interval '{1 hour|90 minutes}'", "date '{2024-02-29|0001-01-01|9999-12-31}' - {date}", "timestamptz '{2024-03-31 01:30+00|2024-10-27 00:30+02}' {<|>} {timestamptz}",
    ],
    "arrays": [
        "(ARRAY[{int}, {int}, {int}])[{1|2|4|0}]", "(ARRAY[{int}, {int}, {int}])[{1:2|2:|:1|3:9}]", "ARRAY[{text}, {text}] || ARRAY[{text}]", "array_cat(ARRAY[{int}], ARRAY[{int}, 2])",
        "array_append(ARRAY[{int}], {int})", "array_prepend({int}, ARRAY[{int}])", "array_remove(ARRAY[{int}, 1, 2], {int})", "array_replace(ARRAY[{int}, 1], 1, {int})",
        "array_position(ARRAY[{int}, 1], 1)", "array_length(ARRAY[{text}], 1)", "cardinality(ARRAY[{int}, {int}])", "ARRAY[{int}, 1] {@>|<@|&&} ARRAY[{int}, 2]",
        "ARRAY[{int}, 1] {=|<|>|<>} ARRAY[{int}, 2]", "{int} {=|<|>} {ANY|ALL} (ARRAY[{int}, {int}])", "'{1,2,NULL}'::int[]", "ARRAY[{int}, {int}]::text[]", "ARRAY[{int}]::text",
        "array_to_string(ARRAY[{int}, NULL, 2], ',', '{*|}')", "array_upper(ARRAY[{int}, 2], 1)", "array_dims(ARRAY[{int}, 2])", "unnest(ARRAY[{int}, {int}]) + 1",
        "{text} = ANY (string_to_array('a,b,ab', ','))", "trim_array(ARRAY[{int}, 2, 3], {0|1|3|4})", "ARRAY[]::int[] || {int}", "ARRAY[{numeric}, {int}]", "ARRAY[{bool}, NULL]",
        "array_ndims(ARRAY[{int}])", "ARRAY[{date}]", "ARRAY[{timestamp}, NULL]",
    ],
    "json": [
        "jsonb_build_object('a', {int}, 'b', {text}) {->|->>} '{a|b|c}'", "jsonb_build_array({int}, {text}, {bool}) {->|->>} {0|1|-1|5}", "jsonb_build_object('a', jsonb_build_array({int}, 2)) {#>|#>>} '\x01'",
        "jsonb_build_object('a', {int}) || jsonb_build_object('b', {text})", "jsonb_build_object('a', {int}, 'b', 1) - '{a|c}'", "jsonb_build_object('a', {int}) ? '{a|b}'",
        "jsonb_build_object('a', {int}) {@>|<@|=} jsonb_build_object('a', {int})", "jsonb_array_length(jsonb_build_array({int}, {text}))", "jsonb_strip_nulls(jsonb_build_object('a', {int}, 'b', {text}))",
        "jsonb_set('\x02'::jsonb, '\x03', to_jsonb({int}::int))", "to_jsonb({text}) = to_jsonb({text})", "to_json({int})", "json_build_object('k', {date}, 'n', {numeric})::text",
        "(jsonb_build_object('a', {int}) ->> 'a')::int + 1", "jsonb_typeof(to_jsonb({numeric}))", "to_jsonb({timestamp})", "to_jsonb(ARRAY[{int}, {int}])", "jsonb_build_array({int}) < jsonb_build_array({int})",
    ],
    "logic": [
        "{bool} AND {bool}", "{bool} OR NULL", "NOT {bool}", "({bool}) IS {NOT |}{TRUE|FALSE|UNKNOWN|NULL}", "CASE {int} WHEN 1 THEN 'one' WHEN {int} THEN 'two' END", "CASE WHEN {cond} THEN 1 WHEN {cond} THEN 2 ELSE 3 END",
        "coalesce({int}, {bigint}, 7)", "coalesce({numeric}, {int})", "nullif({int}, {int})", "ROW({int}, {text}) {=|<|>} ROW({int}, {text})", "ROW({int}, {text}) IS {NOT |}DISTINCT FROM ROW({int}, {text})",
        "ROW({int}, {text}) IS {NOT |}NULL", "({int}, {int}) IN ((1, 2), ({int}, 3))", "{int} IN ({int}, NULL, {bigint})", "{int} NOT IN (1, NULL)", "{bool}::text", "{bool} {=|<|>|<>} {bool}", "{bool}::int + 1",
        "'{t|yes|on|0|maybe}'::boolean", "{int} IS NULL = ({text} IS NULL)", "{cond}", "greatest({text}, {text}, 'b')", "{numeric} IS NOT DISTINCT FROM {numeric}",
    ],
}
# Texts that contain braces, which the templates cannot contain.
LITERALS = {"\x01": "{a,0}", "\x02": '{"a": 1, "b": [2]}', "\x03": "{a}"}


class Forms:
    """Fills templates by chance. `selects` makes the expressions and conditions."""

    def __init__(self, selects, tables):
        self.selects, self.tables = selects, tables
        self.whole = JOINS + SUBQUERIES + GROUPS + WINDOWS + SETS + COMMON

    def statement(self):
        if self.selects.chance.random() < 0.5:
            return self.filled(self.selects.pick(self.whole))
        family = self.selects.pick(list(EXPRESSIONS))
        items = [self.selects.pick(EXPRESSIONS[family]) for _ in range(self.selects.pick((1, 1, 2)))]
        return self.filled("SELECT " + ", ".join(f"{item} AS c{i}" for i, item in enumerate(items)) + " {from}")

    def filled(self, template):
        named = re.search(r"FROM (t3|t4) AS a\b", template)
        table = named.group(1) if named else self.selects.pick(("t3", "t4"))
        has_table = named or "{from}" in template
        scope = [(f"a.{column}", kind) for column, kind in self.tables[table].items()] if has_table else []
        template = template.replace("{from}", f"FROM {table} AS a" + (" WHERE {cond}" if self.selects.chance.random() < 0.25 and
                                                                      not re.search(r"\{from\} *,", template) else ""))
        while place := PLACE.search(template):
            template = template[:place.start()] + self.part(place.group(1), scope) + template[place.end():]
        for mark, text in LITERALS.items():
            template = template.replace(mark, text)
        return template

    def part(self, name, scope):
        if name in KINDS:
            return self.selects.value(name, scope, self.selects.pick((0, 0, 1)))
        if name == "cond":
            return f"({self.selects.condition(scope, 1)})"
        if name == "col":
            return self.selects.pick(scope)[0]
        if name.startswith("lit:"):
            return self.selects.literal(name[4:])
        return self.selects.pick(name.split("|"))
