"""Random SELECTs over the tables orders (id, customer, amount) and customers (name, city, credit).

A SELECT never depends on the order of its rows: LIMIT and window functions order by all columns, so ties are equal rows.
"""

TABLES = {"orders": [("id", "n"), ("customer", "t"), ("amount", "n")],
          "customers": [("name", "t"), ("city", "t"), ("credit", "n")]}
KEYS = {"orders": ["id"], "customers": ["name"]}


class Grammar:
    def __init__(self, chance):
        self.chance = chance
        self.names = 0

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def one_of(self, columns, kind):
        return self.chance.choice([c for c, its in columns if its == kind] or ["7" if kind == "n" else "'n1'"])

    def value(self, columns, kind, depth=1):
        column, choice = self.one_of(columns, kind), self.chance.randrange(8) if depth else 0
        other = self.one_of(columns, "t" if kind == "n" else "n")
        digit = self.chance.randrange(2, 9)
        if choice == 7:
            return f"CASE WHEN {self.condition(columns, 0)} THEN {column} END"
        if kind == "n":
            forms = ["{0}", "{0}", "{2}", "({0} + {2})", "({0} % {2})", "COALESCE({0}, {2})", "LENGTH({1})"]
        else:
            forms = ["{0}", "{0}", "'n{2}'", "UPPER({0})", "({0} || '!')", "COALESCE({0}, '?')", "({1})::text"]
        return forms[choice].format(column, other, digit)

    def condition(self, columns, depth):
        kind = self.chance.choice("nnt")
        left, right = self.value(columns, kind, 0), self.value(columns, kind, 0)
        choice = self.chance.randrange(10 if depth else 5)
        if choice < 3:
            return f"{left} {self.chance.choice(['<', '<=', '=', '<>', '>'])} {right}"
        if choice == 3:
            return f"{left} IS {self.chance.choice(['', 'NOT '])}NULL"
        if choice == 4:
            return f"{left} IN ({self.value([], kind, 0)}, {right})"
        if choice == 5:
            return f"({self.condition(columns, 0)} {self.chance.choice(['AND', 'OR'])} {self.condition(columns, 0)})"
        if choice == 6:
            return f"NOT ({self.condition(columns, 0)})"
        inner, its = self.select(depth - 1)
        name = self.name("q")
        inner_columns = [(f"{name}.{c}", k) for c, k in its]
        if choice == 7:
            return (f"{self.chance.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM ({inner}) {name} WHERE "
                    f"{self.one_of(inner_columns, kind)} = {left})")
        if choice == 8:
            return f"{left} {self.chance.choice(['', 'NOT '])}IN (SELECT {self.one_of(inner_columns, kind)} FROM ({inner}) {name})"
        return f"{left} {self.chance.choice('<>=')} (SELECT MAX({self.one_of(inner_columns, kind)}) FROM ({inner}) {name})"

    def source(self, depth):
        """Returns a part of FROM, and its columns."""
        name = self.name("r")
        if depth and self.chance.randrange(3) == 0:
            inner, columns = self.select(depth - 1)
            return f"({inner}) {name}", [(f"{name}.{c}", kind) for c, kind in columns]
        table = self.chance.choice(list(TABLES))
        return f"{table} {name}", [(f"{name}.{c}", kind) for c, kind in TABLES[table]]

    def select(self, depth):
        """Returns a SELECT, and the names and kinds of its columns."""
        if depth and self.chance.randrange(5) == 0:
            left, columns = self.select(depth - 1)
            right, others = self.select(depth - 1)
            a, b, out = self.name("s"), self.name("s"), self.name("c")
            kind = columns[0][1]
            operator = self.chance.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"])
            return (f"SELECT {a}.{columns[0][0]} AS {out} FROM ({left}) {a} {operator} "
                    f"SELECT {self.one_of([(f'{b}.{c}', k) for c, k in others], kind)} FROM ({right}) {b}", [(out, kind)])
        source, columns = self.source(depth)
        for _ in range(self.chance.choice([0, 0, 1, 1, 2])):
            other, others = self.source(max(depth - 1, 0))
            kind = self.chance.choice("nt")
            equal = f"{self.one_of(columns, kind)} = {self.one_of(others, kind)}"
            join = self.chance.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            more = ""
            if join != "FULL JOIN" and self.chance.randrange(3) == 0:
                more = f" AND {self.condition(columns + others, 0)}"
            source, columns = f"{source} {join} {other} ON {equal}{more}", columns + others
        where = f" WHERE {self.condition(columns, depth)}" if self.chance.randrange(2) else ""
        width = self.chance.randrange(1, 4)
        kinds = [self.chance.choice("nt") for _ in range(width)]
        values = [self.value(columns, kind) for kind in kinds]
        names = [self.name("c") for _ in kinds]
        listed = ", ".join(f"{value} AS {name}" for value, name in zip(values, names))
        out = list(zip(names, kinds))
        form = self.chance.randrange(8)
        if form == 0:
            return f"SELECT DISTINCT {listed} FROM {source}{where}", out
        if form <= 2:
            grouped = [v for v in values if "." in v and v.isidentifier() or v.count(".") == 1 and " " not in v and "(" not in v]
            n = self.one_of(columns, "n")
            calls = [("COUNT(*)", "n"), (f"SUM({n})", "n"), (f"MIN({n})", "n"), (f"MAX({self.one_of(columns, 't')})", "t"),
                     (f"COUNT(DISTINCT {n})", "n"), (f"COUNT({n}) FILTER (WHERE {self.condition(columns, 0)})", "n")]
            chosen = self.chance.sample(calls, 2)
            out = [(self.name("c"), next(k for v, k in zip(values, kinds) if v == each)) for each in grouped]
            out += [(self.name("c"), kind) for _, kind in chosen]
            listed = ", ".join(f"{value} AS {name}" for value, (name, _) in zip(grouped + [c for c, _ in chosen], out))
            group = f" GROUP BY {', '.join(dict.fromkeys(grouped))}" if grouped else ""
            having = f" HAVING COUNT(*) > {self.chance.randrange(3)}" if self.chance.randrange(3) == 0 else ""
            return f"SELECT {listed} FROM {source}{where}{group}{having}", out
        if form == 3:
            order = ", ".join(f"{place + 1}{self.chance.choice([' DESC', ''])}" for place in range(width))
            offset = f" OFFSET {self.chance.randrange(4)}" if self.chance.randrange(3) == 0 else ""
            return f"SELECT * FROM (SELECT {listed} FROM {source}{where} ORDER BY {order} LIMIT {self.chance.randrange(1, 9)}{offset}) {self.name('l')}", out
        if form == 4:
            place = self.name("c")
            partition = f"PARTITION BY {names[0]} " if self.chance.randrange(2) else ""
            call = self.chance.choice(["RANK()", "DENSE_RANK()", f"SUM({names[0]})" if kinds[0] == "n" else "COUNT(*)"])
            return (f"SELECT {', '.join(names)}, {call} OVER ({partition}ORDER BY {', '.join(names)}) AS {place} "
                    f"FROM (SELECT {listed} FROM {source}{where}) {self.name('w')}", out + [(place, "n")])
        return f"SELECT {listed} FROM {source}{where}", out
