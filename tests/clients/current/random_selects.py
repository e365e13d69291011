"""Random SELECTs over a few small tables, from a seed: the generator behind pg_random.

Every statement is typed, so that most of them are answered; few distinct values and many NULLs make joins, groups and
duplicates likely. A statement with LIMIT orders by all of its columns: its rows are then the same in every plan.
"""
import random

from random_forms import Forms

TABLES = {
    "pk1": {"k": "int", "f1": "int", "f2": "int"},
    "pk2": {"k": "int", "f1": "int", "f2": "int"},
    "t3": {"k": "int", "f1": "int", "f2": "bigint", "s": "text", "b": "bool", "d": "double", "n": "numeric", "ts": "timestamp"},
    "t4": {"k": "text", "g": "text", "i": "int", "da": "date", "tz": "timestamptz", "n": "numeric"},
}
DEFINITIONS = [
    "CREATE TABLE pk1 (k INT PRIMARY KEY, f1 INT, f2 INT)",
    "CREATE TABLE pk2 (k INT PRIMARY KEY, f1 INT, f2 INT)",
    "CREATE TABLE t3 (k INT PRIMARY KEY, f1 INT, f2 BIGINT, s TEXT, b BOOLEAN, d DOUBLE PRECISION, n NUMERIC(10,2), ts TIMESTAMP)",
    "CREATE TABLE t4 (k TEXT PRIMARY KEY, g TEXT, i INT, da DATE, tz TIMESTAMPTZ, n NUMERIC(8,3))",
]
VALUES = {
    "int": ["0", "1", "2", "3", "-1", "7", "10"],
    "bigint": ["0", "1", "2", "-5", "3000000000"],
    "text": ["'a'", "'b'", "'ab'", "''", "'Zeta'", "'10'", "'a%b'", "'ä'"],
    "bool": ["true", "false"],
    "double": ["0", "1.5", "-2.5", "100", "0.1"],
    "numeric": ["0.00", "1.50", "-2.25", "10.00", "99.99"],
    "timestamp": ["'2024-02-29 12:34:56.789'", "'1999-12-31 23:59:59'", "'2024-03-01 00:00:00'"],
    "timestamptz": ["'2024-02-29 12:34:56.789+00'", "'1969-07-20 20:17:40+02'", "'2024-03-31 01:30:00+00'"],
    "date": ["'2024-02-29'", "'1969-12-31'", "'2023-12-31'"],
}
SQL_TYPE = {"double": "double precision", "numeric": "numeric(10,2)"}
NUMBERS = ("int", "bigint", "double", "numeric")


def inserts(seed):
    """The rows of all tables; about every sixth value is NULL."""
    chance = random.Random(f"{seed}/rows")
    for table, columns in TABLES.items():
        for row in range(8 if table.startswith("pk") else 10):
            cells = [f"'k{row}'" if columns["k"] == "text" else str(row + 1)]
            for name, kind in columns.items():
                if name != "k":
                    cells.append("NULL" if chance.random() < 1 / 6 else chance.choice(VALUES[kind]))
            yield f"INSERT INTO {table} VALUES ({', '.join(cells)})"


class Selects:
    """One statement after the other. `scope` is the list of visible columns: (qualified name, type)."""

    def __init__(self, seed, is_wide=False):
        self.chance = random.Random(f"{seed}/statements")
        self.is_wide = is_wide  # true: also generates the forms of `wide` and of random_forms
        self.forms = Forms(self, TABLES)
        self.aliases = 0

    def statement(self):
        self.aliases = 0
        if self.is_wide and (chance := self.chance.random()) < 0.75:
            return self.wide() if chance < 0.25 else self.forms.statement()
        chance = self.chance.random()
        if chance < 0.12:
            return self.set_operation()
        if chance > 0.85:
            return self.keyed()
        if chance < 0.2:
            inner, columns = self.select([], 1)
            return f"WITH c AS ({inner}) " + self.select([], 1, source=("c", columns))[0]
        return self.select([], 2)[0]

    # ---- Statements

    def keyed(self):
        """A chain of joins along keys, with conditions on keys: Millrace looks up tables by keys in the rows of others."""
        chance, scope, text = self.chance.random, [], ""
        for place in range(self.pick((1, 2, 2, 3, 4))):
            table, name = self.pick(("pk1", "pk2", "t3")), self.alias()
            columns = [(f"{name}.{column}", kind) for column, kind in TABLES[table].items()]
            whole = [each for each, kind in scope if kind == "int"]
            join = self.pick(("JOIN", "JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN"))
            if place == 0:
                text = f" FROM {table} AS {name}"
            elif chance() < 0.8:
                text += f" {join} {table} AS {name} ON {name}.k = {self.pick(whole)}"
                text += f" AND {self.condition(columns, 0)}" if chance() < 0.2 else ""
            else:
                text += f" {join} {table} AS {name} ON {self.pick(whole)} = {name}.f1"
            scope = scope + columns
        keys = [each for each, _ in scope if each.endswith(".k")]
        conditions = []
        if chance() < 0.8:
            key = self.pick(keys)
            conditions.append(self.pick((f"{key} = {self.pick((1, 2, 5, 8))}", f"{key} IN (1, 3, 4, 7)", f"{key} IN (2, 6)",
                                         f"{key} = ANY (ARRAY[2, 5])")))
        if chance() < 0.25:
            conditions.append(self.condition(scope, 1))
        inner = self.alias()
        its = f"FROM {self.pick(('pk1', 'pk2', 't3'))} AS {inner}"
        if chance() < 0.3:
            few = self.pick(("", f" WHERE {inner}.k IN (1, 2, 3)", f" WHERE {inner}.k = 4"))
            conditions.append(f"{self.pick(keys)} {self.pick(('IN', 'IN', 'NOT IN'))} (SELECT {inner}.{self.pick(('k', 'f1'))} {its}{few})")
        items = [self.pick(scope) for _ in range(self.pick((1, 2, 3)))]
        if chance() < 0.2:
            items.append((f"(SELECT {self.alias()}.f2 FROM pk2 AS a{self.aliases} WHERE a{self.aliases}.k = {self.pick(keys)[:-1]}f1)", "int"))
        where = " WHERE " + " AND ".join(conditions) if conditions else ""
        if chance() < 0.2:
            items = [("count(*)", "bigint"), (f"max({self.pick(keys)})", "int")]
        return self.finish("SELECT ", items, text + where, False)[0]

    def wide(self):
        """Less common forms: frames, grouping sets, DISTINCT ON, LATERAL, arrays, JSON, intervals, parts of times."""
        table = self.pick(("t3", "t4"))
        name = self.alias()
        scope = [(f"{name}.{column}", kind) for column, kind in TABLES[table].items()]
        source = f" FROM {table} AS {name}"
        where = f" WHERE {self.condition(scope, 1)}" if self.chance.random() < 0.4 else ""

        def of(kind):
            return self.value(kind, scope, 1)

        def group():
            return self.pick(scope[1:])[0]

        def frame():
            return self.pick(("", "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
                              "ROWS 2 PRECEDING", "RANGE UNBOUNDED PRECEDING", "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"))

        def framed():
            order = f"PARTITION BY {group()} ORDER BY {name}.k" if self.chance.random() < 0.5 else f"ORDER BY {name}.k DESC"
            call = self.pick((f"sum({of('int')})", f"count({of('text')})", f"max({of('numeric')})", f"first_value({of('text')})",
                              f"last_value({of('int')})", f"array_agg({of('int')})"))
            return f"SELECT {name}.k AS c0, {call} OVER ({order} {frame()}) AS c1{source}{where}"

        def numbered():
            call = self.pick(("row_number()", f"lag({of('int')})", f"lead({of('text')}, 2)", f"lag({of('int')}, 1, 0)", "ntile(3)",
                              f"nth_value({of('text')}, 2)", "percent_rank()", "cume_dist()"))
            return f"SELECT {name}.k AS c0, {call} OVER (ORDER BY {name}.k) AS c1{source}{where}"

        def grouping():
            one, other = group(), group()
            by = self.pick((f"ROLLUP ({one}, {other})", f"CUBE ({one}, {other})", f"GROUPING SETS (({one}), ({other}), ())", f"{one}, {other}"))
            return f"SELECT {one} AS c0, {other} AS c1, count(*) AS c2, {self.aggregate('int', scope, scope, 1)[0]} AS c3{source}{where} GROUP BY {by}"

        def distinct_on():
            one = group()
            return f"SELECT DISTINCT ON ({one}) {one} AS c0, {name}.k AS c1{source}{where} ORDER BY {one}, {name}.k"

        def lateral():
            other = self.alias()
            return (f"SELECT {name}.k AS c0, l.x AS c1{source} {self.pick(('CROSS JOIN LATERAL', ', LATERAL'))} (SELECT max({other}.f1) AS x "
                    f"FROM pk1 AS {other} WHERE {self.condition([(f'{other}.f1', 'int'), (f'{other}.k', 'int'), *scope], 0)}) AS l")

        def array():
            its = of("int")
            return "SELECT " + self.pick((
                f"array_agg({its} ORDER BY {its}) AS c0{source}{where}", f"array_agg(DISTINCT {of('text')}) AS c0{source}{where}",
                f"ARRAY[{its}, {of('int')}] || {of('int')} AS c0{source}{where}", f"cardinality(ARRAY[{of('text')}, {of('text')}]) AS c0{source}{where}",
                f"(ARRAY[{its}, {of('int')}])[{self.pick('123')}] AS c0{source}{where}", f"{its} = ANY (ARRAY[{of('int')}, {of('int')}]) AS c0{source}{where}",
                f"array_to_string(ARRAY[{of('text')}, {of('text')}], ',', '-') AS c0{source}{where}", f"string_to_array({of('text')}, 'b') AS c0{source}{where}",
                f"ARRAY[{its}] @> ARRAY[{of('int')}] AS c0{source}{where}", f"array_position(ARRAY[{of('text')}, 'a'], 'a') AS c0{source}{where}",
                f"unnest(ARRAY[{its}, {of('int')}]) AS c0{source}{where}"))

        def json():
            return "SELECT " + self.pick((
                f"jsonb_build_object('a', {of('int')}, 'b', {of('text')}) AS c0", f"jsonb_build_object('a', {of('int')}) ->> 'a' AS c0",
                f"to_jsonb({of(self.pick(('int', 'text', 'bool', 'numeric', 'date', 'timestamp')))}) AS c0",
                f"jsonb_build_array({of('int')}, {of('bool')}) -> 1 AS c0", f"jsonb_typeof(to_jsonb({of('text')})) AS c0",
                f"jsonb_build_object('a', {of('int')}) @> '{{\"a\": 1}}' AS c0")) + source + where

        def time():
            kind = self.pick(("timestamp", "timestamptz", "date"))
            return "SELECT " + self.pick((
                f"extract({self.pick(('year', 'month', 'day', 'dow', 'doy', 'week', 'quarter', 'isodow'))} FROM {of(kind)}) AS c0",
                f"extract(epoch FROM {of('timestamp')}) AS c0", f"{of('timestamp')} - {of('timestamp')} AS c0",
                f"age({of('timestamp')}, {of('timestamp')}) AS c0", f"date_trunc('{self.pick(('year', 'week', 'day', 'minute', 'quarter'))}', {of('timestamp')}) AS c0",
                f"to_char({of('timestamp')}, '{self.pick(('Mon DD, YYYY', 'HH12:MI:SS AM', 'IYYY-IW-ID', 'DDD', 'Day'))}') AS c0",
                f"{of('date')} + interval '{self.pick(('1 month', '-36 hours', '1 year 2 days'))}' AS c0", f"{of('timestamptz')}::date AS c0",
                f"{of('timestamptz')} AT TIME ZONE 'Europe/Berlin' AS c0", f"({of('timestamp')} - {of('timestamp')}) > interval '1 day' AS c0",
                f"justify_hours({of('timestamp')} - {of('timestamp')}) AS c0", f"make_date(2024, 1 + abs({of('int')}) % 12, 1) AS c0")) + source + where

        def text():
            return "SELECT " + self.pick((
                f"regexp_replace({of('text')}, '[ab]+', 'x') AS c0", f"{of('text')} ~ '^a' AS c0", f"{of('text')} SIMILAR TO '(a|b)%' AS c0",
                f"translate({of('text')}, 'ab', 'x') AS c0", f"initcap({of('text')}) AS c0", f"overlay({of('text')} placing 'Q' from 2) AS c0",
                f"position({of('text')} in {of('text')}) AS c0", f"repeat({of('text')}, 2) AS c0", f"md5({of('text')}) AS c0",
                f"quote_literal({of('text')}) AS c0", f"format('%s-%s', {of('text')}, {of('int')}) AS c0", f"ascii({of('text')}) AS c0",
                f"right({of('text')}, 2) AS c0", f"concat_ws(',', {of('text')}, {of('int')}, {of('bool')}) AS c0", f"char_length({of('text')}) AS c0",
                f"btrim({of('text')}, 'a') AS c0", f"starts_with({of('text')}, 'a') AS c0", f"to_hex(abs({of('int')})) AS c0",
                f"octet_length({of('text')}) AS c0", f"{of('text')} COLLATE \"C\" < 'b' AS c0", f"encode({of('text')}::bytea, 'hex') AS c0")) + source + where

        def number():
            return "SELECT " + self.pick((
                f"{of('int')} / 2.0 AS c0", f"round({of('numeric')} / 3, 4) AS c0", f"power({of('int')}, 2) AS c0", f"sqrt(abs({of('int')})) AS c0",
                f"mod({of('int')}, 3) AS c0", f"div({of('numeric')}, 2) AS c0", f"sign({of('numeric')}) AS c0", f"ceil({of('numeric')}) AS c0",
                f"floor({of('numeric')}) AS c0", f"{of('double')}::int AS c0", f"{of('numeric')}::int AS c0", f"{of('double')}::numeric AS c0",
                f"({of('int')} & 6) | 1 AS c0", f"width_bucket({of('int')}, 0, 10, 5) AS c0", f"to_char({of('numeric')}, '999D99') AS c0",
                f"{of('int')}::smallint AS c0", f"gcd({of('int')}, 6) AS c0", f"trunc({of('numeric')}, 1) AS c0", f"log(1 + abs({of('int')})) AS c0",
                f"{of('int')}::real AS c0", f"{of('numeric')} % 2 AS c0")) + source + where

        def aggregated():
            its = of("int")
            return "SELECT " + self.pick((
                f"avg({its}) AS c0", f"round(stddev({its}), 6) AS c0", f"bool_and({of('bool')}) AS c0", f"every({of('bool')}) AS c0",
                f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {its}) AS c0", f"mode() WITHIN GROUP (ORDER BY {its}) AS c0",
                f"jsonb_agg({its} ORDER BY {its}) AS c0", f"round(variance({its}), 6) AS c0", f"bit_and({its}) AS c0", f"sum({of('double')}) AS c0",
                f"avg({of('numeric')}) AS c0", f"count(DISTINCT ({its}, {of('text')})) AS c0", f"max({of('timestamptz')}) AS c0",
                f"string_agg(DISTINCT {of('text')}, ',') AS c0", f"sum(DISTINCT {its}) AS c0", f"sum({of('bigint')}) AS c0")) + source + where

        def joined():
            other = self.pick(("USING (k)", "USING (k, f1)"))
            kind = self.pick(("JOIN", "LEFT JOIN", "FULL JOIN"))
            return f"SELECT * FROM pk1 {kind} pk2 {other}" if self.chance.random() < 0.7 else "SELECT * FROM pk1 NATURAL JOIN pk2"

        def recursive():
            return ("WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) "
                    f"SELECT r.n AS c0, {name}.k AS c1 FROM r LEFT JOIN {table} AS {name} ON {name}.{'f1' if table == 't3' else 'i'} = r.n")

        return self.pick((framed, numbered, grouping, distinct_on, lateral, array, array, json, time, time, text, text, number, number, aggregated,
                          joined, recursive))()

    def alias(self):
        self.aliases += 1
        return f"a{self.aliases}"

    def set_operation(self):
        kinds = [self.pick(list(VALUES)) for _ in range(self.pick((1, 2)))]
        parts = [self.select([], 1, kinds=kinds, is_plain=True)[0] for _ in range(self.pick((2, 2, 3)))]
        words = [self.pick(("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL")) for _ in parts[1:]]
        text = parts[0]
        for word, part in zip(words, parts[1:]):
            text += f" {word} {part}"
        if self.chance.random() < 0.3:
            text += " ORDER BY " + ", ".join(str(i + 1) for i in range(len(kinds))) + f" LIMIT {self.pick((1, 2, 5))}"
        return text

    def select(self, outer, depth, kinds=None, source=None, is_plain=False):
        """A SELECT and its columns as (name, type). With `kinds` it has exactly columns of these types."""
        text, scope = self.relations(depth, source)
        visible = scope + outer
        where = f" WHERE {self.condition(visible, depth)}" if self.chance.random() < 0.6 else ""
        if self.chance.random() < 0.3:
            return self.grouped(text, where, scope, visible, depth, kinds, is_plain)
        kinds = kinds or [self.pick(list(VALUES)) for _ in range(self.pick((1, 2, 2, 3)))]
        items = [self.window(scope, depth) if not is_plain and self.chance.random() < 0.08 else (self.value(kind, visible, depth), kind)
                 for kind in kinds]
        distinct = "DISTINCT " if self.chance.random() < 0.12 else ""
        return self.finish(f"SELECT {distinct}", items, text + where, is_plain)

    def finish(self, head, items, rest, is_plain, has_limit=True):
        columns = [(f"c{index}", kind) for index, (_, kind) in enumerate(items)]
        text = head + ", ".join(f"{value} AS {name}" for (value, _), (name, _) in zip(items, columns)) + rest
        if has_limit and not is_plain and self.chance.random() < 0.25:
            text += " ORDER BY " + ", ".join(str(i + 1) + self.pick(("", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
                                             for i in range(len(items)))
            if self.chance.random() < 0.6:
                text += f" LIMIT {self.pick((0, 1, 3, 5))}" + self.pick(("", " OFFSET 1", " OFFSET 4"))
        return text, columns

    def grouped(self, text, where, scope, visible, depth, kinds, is_plain):
        groups = [] if self.chance.random() < 0.25 else [self.pick(scope) for _ in range(self.pick((1, 1, 2)))]
        groups = list(dict.fromkeys(groups))
        items = []
        for kind in kinds or [None] * self.pick((1, 2)):
            of_kind = [each for each in groups if kind in (None, each[1])]
            items.append((of_kind[0][0], of_kind[0][1]) if of_kind and self.chance.random() < 0.5 else self.aggregate(kind, scope, visible, depth))
        by = " GROUP BY " + ", ".join(name for name, _ in groups) if groups else ""
        having = f" HAVING {self.aggregate('bigint', scope, visible, depth)[0]} {self.compare()} {self.pick(VALUES['int'])}" \
            if self.chance.random() < 0.25 else ""
        return self.finish("SELECT ", items, text + where + by + having, is_plain)

    def relations(self, depth, source=None):
        """The FROM clause and its columns."""
        first, scope = self.relation(depth, source)
        text = " FROM " + first
        for _ in range(self.pick((0, 0, 1, 1, 2)) if depth else 0):
            other, columns = self.relation(depth)
            join = self.pick(("JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"))
            if join == "CROSS JOIN":
                text += f" CROSS JOIN {other}"
            else:
                text += f" {join} {other} ON {self.join_condition(scope, columns, depth, join == 'FULL JOIN')}"
            scope = scope + columns
        return text, scope

    def join_condition(self, left, right, depth, is_full):
        for _ in range(10):
            one, other = self.pick(left), self.pick(right)
            if one[1] == other[1]:
                equal = f"{one[0]} = {other[0]}"
                more = not is_full and self.chance.random() < 0.25  # PostgreSQL joins FULL by equality alone
                return f"{equal} AND {self.condition(left + right, depth - 1)}" if more else equal
        return "true" if is_full else self.condition(left + right, 0)

    def relation(self, depth, source=None):
        name = self.alias()
        if source:
            return f"{source[0]} AS {name}", [(f"{name}.{column}", kind) for column, kind in source[1]]
        chance = self.chance.random()
        if depth and chance < 0.15:
            inner, columns = self.select([], depth - 1)
            return f"({inner}) AS {name}", [(f"{name}.{column}", kind) for column, kind in columns]
        if chance < 0.22:
            kinds = [self.pick(list(VALUES)) for _ in range(self.pick((1, 2)))]
            rows = ", ".join("(" + ", ".join(self.literal(kind) for kind in kinds) + ")" for _ in range(self.pick((1, 2, 4))))
            columns = ", ".join(f"v{i}" for i in range(len(kinds)))
            return f"(VALUES {rows}) AS {name} ({columns})", [(f"{name}.v{i}", kind) for i, kind in enumerate(kinds)]
        table = self.pick(list(TABLES))
        return f"{table} AS {name}", [(f"{name}.{column}", kind) for column, kind in TABLES[table].items()]

    # ---- Values

    def pick(self, choices):
        return self.chance.choice(choices)

    def compare(self):
        return self.pick(("=", "=", "<>", "<", "<=", ">", ">="))

    def literal(self, kind):
        if self.chance.random() < 0.12:
            return f"NULL::{SQL_TYPE.get(kind, kind)}"
        return f"{self.pick(VALUES[kind])}::{SQL_TYPE.get(kind, kind)}"

    def value(self, kind, scope, depth):
        columns = [name for name, its in scope if its == kind]
        chance = self.chance.random()
        if columns and chance < (0.45 if depth > 0 else 0.8):
            return self.pick(columns)
        if depth <= 0 or chance < 0.6:
            return self.literal(kind)
        if chance < 0.65:
            return f"COALESCE({self.value(kind, scope, depth - 1)}, {self.value(kind, scope, depth - 1)})"
        if chance < 0.69:
            return f"NULLIF({self.value(kind, scope, depth - 1)}, {self.value(kind, scope, depth - 1)})"
        if chance < 0.74:
            return (f"CASE WHEN {self.condition(scope, depth - 1)} THEN {self.value(kind, scope, depth - 1)} "
                    f"ELSE {self.value(kind, scope, depth - 1)} END")
        if chance < 0.77:
            return f"{self.pick(('GREATEST', 'LEAST'))}({self.value(kind, scope, depth - 1)}, {self.value(kind, scope, depth - 1)})"
        if chance < 0.8:
            return self.scalar_query(kind, scope)
        return self.operation(kind, scope, depth - 1)

    def scalar_query(self, kind, scope):
        table = self.pick([name for name, columns in TABLES.items() if kind in columns.values()])
        name = self.alias()
        column = self.pick([each for each, its in TABLES[table].items() if its == kind])
        inner = [(f"{name}.{each}", its) for each, its in TABLES[table].items()]
        if kind == "bool":
            return f"(SELECT bool_or({name}.{column}) FROM {table} AS {name} WHERE {self.condition(inner + scope, 0)})"
        return f"(SELECT {self.pick(('MAX', 'MIN'))}({name}.{column}) FROM {table} AS {name} WHERE {self.condition(inner + scope, 0)})"

    def operation(self, kind, scope, depth):
        def of(its):
            return self.value(its, scope, depth)
        if kind == "int":
            return self.pick((lambda: f"({of('int')} {self.pick('+-')} {of('int')})", lambda: f"length({of('text')})",
                              lambda: f"(- {of('int')})", lambda: f"abs({of('int')})", lambda: f"({of('int')} % 7)",
                              lambda: f"({of('int')} * {of('int')})", lambda: f"{of('bool')}::int", lambda: f"({of('int')} / 3)",
                              lambda: f"strpos({of('text')}, {of('text')})", lambda: f"({of('date')} - {of('date')})"))()
        if kind == "bigint":
            return self.pick((lambda: f"({of('bigint')} {self.pick('+-')} {of('int')})", lambda: f"{of('int')}::bigint",
                              lambda: f"({of('bigint')} % 5)"))()
        if kind == "text":
            return self.pick((lambda: f"({of('text')} || {of('text')})", lambda: f"upper({of('text')})", lambda: f"lower({of('text')})",
                              lambda: f"substring({of('text')} FROM 2)", lambda: f"{of('int')}::text", lambda: f"replace({of('text')}, 'a', 'xy')",
                              lambda: f"left({of('text')}, 1)", lambda: f"lpad({of('text')}, 4, '*')", lambda: f"concat({of('text')}, {of('int')})",
                              lambda: f"split_part({of('text')}, 'b', 1)", lambda: f"trim({of('text')})", lambda: f"reverse({of('text')})",
                              lambda: f"to_char({of('timestamp')}, 'YYYY-MM-DD HH24:MI')", lambda: f"{of('numeric')}::text",
                              lambda: f"{of('bool')}::text", lambda: f"{of('date')}::text"))()
        if kind == "double":
            return self.pick((lambda: f"({of('double')} {self.pick('+-*')} {of('double')})", lambda: f"{of('int')}::double precision",
                              lambda: f"floor({of('double')})", lambda: f"abs({of('double')})", lambda: f"({of('double')} / 4)",
                              lambda: f"round({of('double')})"))()
        if kind == "numeric":
            return self.pick((lambda: f"({of('numeric')} {self.pick('+-*')} {of('numeric')})", lambda: f"round({of('numeric')}, 1)",
                              lambda: f"abs({of('numeric')})", lambda: f"{of('int')}::numeric(10,2)", lambda: f"trunc({of('numeric')})"))()
        if kind == "bool":
            return f"({self.condition(scope, depth)})"
        if kind == "timestamp":
            return self.pick((lambda: f"({of('timestamp')} {self.pick('+-')} interval '1 day 02:03:04')", lambda: f"date_trunc('month', {of('timestamp')})",
                              lambda: f"{of('date')}::timestamp"))()
        if kind == "timestamptz":
            return self.pick((lambda: f"({of('timestamptz')} + interval '1 month')", lambda: f"date_trunc('hour', {of('timestamptz')})"))()
        return self.pick((lambda: f"({of('date')} {self.pick('+-')} {self.pick(('1', '31', '400'))})", lambda: f"{of('timestamp')}::date"))()

    # ---- Conditions

    def condition(self, scope, depth):
        chance = self.chance.random()
        if depth > 0 and chance < 0.3:
            return f"({self.condition(scope, depth - 1)} {self.pick(('AND', 'OR'))} {self.condition(scope, depth - 1)})"
        if depth > 0 and chance < 0.36:
            return f"NOT ({self.condition(scope, depth - 1)})"
        kind = self.pick(scope)[1] if scope else self.pick(list(VALUES))
        if depth > 0 and chance < 0.46:
            return self.query_condition(kind, scope)

        def of(its):
            return self.value(its, scope, depth - 1)
        return self.pick((
            lambda: f"{of(kind)} {self.compare()} {of(kind)}", lambda: f"{of(kind)} {self.compare()} {of(kind)}",
            lambda: f"{of(kind)} IS {self.pick(('NULL', 'NOT NULL'))}",
            lambda: f"{of(kind)} IS {self.pick(('', 'NOT '))}DISTINCT FROM {of(kind)}",
            lambda: f"{of(kind)} {self.pick(('', 'NOT '))}IN ({', '.join(self.literal(kind) for _ in range(self.pick((1, 2, 3))))})",
            lambda: f"{of(kind)} {self.pick(('', 'NOT '))}BETWEEN {of(kind)} AND {of(kind)}",
            lambda: f"({of('bool')}) IS {self.pick(('', 'NOT '))}{self.pick(('TRUE', 'FALSE', 'UNKNOWN'))}",
            lambda: f"{of('text')} {self.pick(('LIKE', 'NOT LIKE', 'ILIKE'))} {self.pick((chr(39) + 'a%' + chr(39), chr(39) + '%b' + chr(39), chr(39) + '_' + chr(39)))}",
            lambda: f"{of(kind)} = ANY (ARRAY[{', '.join(self.literal(kind) for _ in range(self.pick((1, 2))))}])",
            lambda: of("bool"),
        ))()

    def query_condition(self, kind, scope):
        tables = [name for name, columns in TABLES.items() if kind in columns.values()]
        table, name = self.pick(tables), self.alias()
        column = self.pick([each for each, its in TABLES[table].items() if its == kind])
        inner = [(f"{name}.{each}", its) for each, its in TABLES[table].items()]
        where = f" WHERE {self.condition(inner + (scope if self.chance.random() < 0.5 else []), 0)}" if self.chance.random() < 0.6 else ""
        query = f"SELECT {name}.{column} FROM {table} AS {name}{where}"
        return self.pick((lambda: f"{self.value(kind, scope, 0)} {self.pick(('', 'NOT '))}IN ({query})",
                          lambda: f"{self.pick(('', 'NOT '))}EXISTS ({query})",
                          lambda: f"{self.value(kind, scope, 0)} {self.compare()} {self.pick(('ANY', 'ALL'))} ({query})"))()

    # ---- Aggregates

    def aggregate(self, kind, scope, visible, depth):
        """A call and its type; of type `kind` when that is given."""
        kind = kind or self.pick(("bigint", "bigint", "int", "text", "numeric", "double", "bool"))

        def of(its):
            return self.value(its, scope, min(depth, 1) - 1)
        filtered = f" FILTER (WHERE {self.condition(scope, 0)})" if self.chance.random() < 0.2 else ""
        if kind == "bigint":
            its = self.pick(list(VALUES))
            return self.pick((f"count(*){filtered}", f"count({of(its)}){filtered}", f"count(DISTINCT {of(its)}){filtered}",
                              f"sum({of('int')}){filtered}")), "bigint"
        if kind == "bool":
            return f"{self.pick(('bool_and', 'bool_or'))}({of('bool')}){filtered}", "bool"
        if kind == "numeric" and self.chance.random() < 0.5:
            return f"{self.pick(('sum', 'max', 'min'))}({of('numeric')}){filtered}", "numeric"
        if kind == "text" and self.chance.random() < 0.4:
            its = of("text")
            return f"string_agg({its}, ',' ORDER BY {its}){filtered}", "text"
        return f"{self.pick(('max', 'min'))}({of(kind)}){filtered}", kind

    def window(self, scope, depth):
        partition = f"PARTITION BY {self.pick(scope)[0]} " if self.chance.random() < 0.6 else ""
        order = "ORDER BY " + ", ".join(name for name, _ in scope[:8])  # this order is total, except for equal rows
        kind = self.pick(("int", "numeric", "text"))
        value = self.value(kind, scope, 0)
        call = self.pick(("rank()", "dense_rank()", f"count({value})", f"max({value})", f"sum({self.value('int', scope, 0)})"))
        its = kind if call.startswith("max") else "bigint"
        return f"{call} OVER ({partition}{order})", its
