#!/usr/bin/python3
"""The 22 queries of TPC-H: CPU time of the server for each, beside PostgreSQL.

    tests/bench/bench_tpch.py [--scale S] [--rounds N] [--queries 1,2] [--peer DSN]          MILLRACE_BINARY

`--peer "host=/run/postgresql user=postgres"` runs the same statements in a PostgreSQL of this machine, in alternation and
without parallel workers, and compares the rows. Its CPU time is that of the backend. Its tables have the names of TPC-H and
are dropped at the end. A figure is the median of the rounds. The rows follow the sizes and the distributions of TPC's
generator, with short comments.
"""
import argparse, datetime, math, os, random, statistics, sys, tempfile, time

import psycopg

from bench_common import Server, process_cpu_seconds, show

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'clients'))
from tpch import QUERIES, TABLES  # noqa: E402

NATIONS = [('ALGERIA', 0), ('ARGENTINA', 1), ('BRAZIL', 1), ('CANADA', 1), ('EGYPT', 4), ('ETHIOPIA', 0), ('FRANCE', 3), ('GERMANY', 3),
           ('INDIA', 2), ('INDONESIA', 2), ('IRAN', 4), ('IRAQ', 4), ('JAPAN', 2), ('JORDAN', 4), ('KENYA', 0), ('MOROCCO', 0),
           ('MOZAMBIQUE', 0), ('PERU', 1), ('CHINA', 2), ('ROMANIA', 3), ('SAUDI ARABIA', 4), ('VIETNAM', 2), ('RUSSIA', 3),
           ('UNITED KINGDOM', 3), ('UNITED STATES', 1)]
TYPES = (('STANDARD', 'SMALL', 'MEDIUM', 'LARGE', 'ECONOMY', 'PROMO'), ('ANODIZED', 'BURNISHED', 'PLATED', 'POLISHED', 'BRUSHED'),
         ('TIN', 'NICKEL', 'BRASS', 'STEEL', 'COPPER'))
CONTAINERS = (('SM', 'LG', 'MED', 'JUMBO', 'WRAP'), ('CASE', 'BOX', 'BAG', 'JAR', 'PKG', 'PACK', 'CAN', 'DRUM'))
COLOURS = ('almond antique aquamarine azure beige bisque black blanched blue blush brown burlywood chartreuse chiffon chocolate coral '
           'cornflower cornsilk cream cyan dark deep dim dodger drab firebrick floral forest frosted gainsboro ghost goldenrod green grey '
           'honeydew hot indian ivory khaki lace lavender lawn lemon light lime linen magenta maroon medium').split()
SEGMENTS = ('AUTOMOBILE', 'BUILDING', 'FURNITURE', 'MACHINERY', 'HOUSEHOLD')
PRIORITIES = ('1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW')
INSTRUCTIONS = ('DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN')
MODES = ('REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB')
FIRST_DAY, TODAY = datetime.date(1992, 1, 1), datetime.date(1995, 6, 17)


def rows(scale, seed=1):
    """The rows of each table at this scale; scale 1 has 6 million lineitems."""
    chance = random.Random(seed)
    pick, number = chance.choice, chance.randrange
    suppliers, parts, customers, orders = (max(10, int(n * scale)) for n in (10_000, 200_000, 150_000, 1_500_000))
    money = lambda least, most: number(least * 100, most * 100) / 100
    comment = lambda: ' '.join(pick(COLOURS) for _ in range(4))
    phone = lambda nation: f'{10 + nation}-{number(100, 1000)}-{number(100, 1000)}-{number(1000, 10000)}'
    price = lambda part: (90_000 + part // 10 % 20_001 + 100 * (part % 1_000)) / 100
    data = {name: [] for name in TABLES}
    data['region'] = [(i, name, comment()) for i, name in enumerate(('AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'))]
    data['nation'] = [(i, name, region, comment()) for i, (name, region) in enumerate(NATIONS)]
    for i in range(1, suppliers + 1):
        nation = number(25)
        text = 'slow Customer of many Complaints' if number(200) == 0 else comment()
        data['supplier'].append((i, f'Supplier#{i:09}', comment(), nation, phone(nation), money(-1_000, 10_000), text))
    suppliers_of = lambda part: [(part + j * (suppliers // 4 + (part - 1) // suppliers)) % suppliers + 1 for j in range(4)]
    for i in range(1, parts + 1):
        maker = number(1, 6)
        data['part'].append((i, ' '.join(chance.sample(COLOURS, 5)), f'Manufacturer#{maker}', f'Brand#{maker}{number(1, 6)}',
                             ' '.join(map(pick, TYPES)), number(1, 51), ' '.join(map(pick, CONTAINERS)), price(i), comment()))
        data['partsupp'] += [(i, each, number(1, 10_000), money(1, 1_000), comment()) for each in dict.fromkeys(suppliers_of(i))]
    for i in range(1, customers + 1):
        nation = number(25)
        data['customer'].append((i, f'Customer#{i:09}', comment(), nation, phone(nation), money(-1_000, 10_000), pick(SEGMENTS), comment()))
    for i in range(1, orders + 1):
        customer = number(1, customers + 1)
        while customers > 10 and customer % 3 == 0:  # a third of the customers have no order
            customer = number(1, customers + 1)
        ordered = FIRST_DAY + datetime.timedelta(number(2_406))
        order = i // 8 * 32 + i % 8
        lines = []
        for line in range(1, number(1, 8) + 1):
            part, quantity = number(1, parts + 1), number(1, 51)
            shipped = ordered + datetime.timedelta(number(1, 122))
            received = shipped + datetime.timedelta(number(1, 31))
            lines.append((order, part, pick(suppliers_of(part)), line, quantity, round(quantity * price(part), 2), number(11) / 100,
                          number(9) / 100, pick('RA') if received <= TODAY else 'N', 'O' if shipped > TODAY else 'F', shipped,
                          ordered + datetime.timedelta(number(30, 91)), received, pick(INSTRUCTIONS), pick(MODES), comment()))
        states = {each[9] for each in lines}
        total = round(sum(each[5] * (1 + each[7]) * (1 - each[6]) for each in lines), 2)
        text = 'special packages requests' if number(80) == 0 else comment()
        data['orders'].append((order, customer, states.pop() if len(states) == 1 else 'P', total, ordered, pick(PRIORITIES),
                               f'Clerk#{number(1_000):09}', 0, text))
        data['lineitem'] += lines
    return data


def fill(connection, data, make):
    for name, columns in TABLES.items():
        connection.execute(make(name, columns))
        with connection.cursor().copy(f'COPY {name} FROM STDIN') as copy:
            for first in range(0, len(data[name]), 5_000):
                copy.write(''.join('\t'.join(map(str, row)) + '\n' for row in data[name][first:first + 5_000]))


def plain(row):
    """The row with numbers of the same form, so that 1.50 equals 1.5 and digits of a quotient beyond the tenth are left out."""
    return tuple(f'{float(each):.10g}' if isinstance(each, (int, float)) or hasattr(each, 'is_nan') else str(each) for each in row)


def run(connection, query, cpu):
    begun = cpu()
    found = connection.execute(query).fetchall()
    return cpu() - begun, [plain(row) for row in found]


def same(left, right, query):
    return left == right if 'ORDER BY' in query else sorted(left) == sorted(right)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--scale', type=float, default=0.02)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--queries', default=','.join(map(str, QUERIES)))
    parser.add_argument('--timeout', type=int, default=60, help='seconds after which a statement is ended')
    parser.add_argument('--peer', default='')
    options = parser.parse_args()
    data = rows(options.scale)
    peer = psycopg.connect(options.peer, autocommit=True) if options.peer else None
    if peer:
        peer.execute('SET max_parallel_workers_per_gather = 0')
        peer.execute(f'SET statement_timeout = {options.timeout * 1000}')
        fill(peer, data, lambda name, columns: f'CREATE TABLE {name} ({columns})')
        peer.execute('ANALYZE')
        backend = peer.execute('SELECT pg_backend_pid()').fetchone()[0]
    folder = tempfile.TemporaryDirectory()
    server = Server(folder.name)
    ratios, is_wrong = [], False
    with server.connect() as connection:
        connection.execute(f'SET statement_timeout = {options.timeout * 1000}')
        fill(connection, data, lambda name, columns: f'CREATE TABLE {name} ({columns})')
        for number in map(int, options.queries.split(',')):
            query, ours, theirs, outcome = QUERIES[number], [], [], ''
            for _ in range(options.rounds):
                try:
                    seconds, found = run(connection, query, server.cpu_seconds)
                    ours.append(seconds)
                except psycopg.Error as error:
                    outcome, found = str(error).split('\n')[0], None
                if peer:
                    try:
                        seconds, expected = run(peer, query, lambda: process_cpu_seconds(backend))
                        theirs.append(seconds)
                    except psycopg.Error as error:
                        outcome, expected = outcome or f'PostgreSQL: {error}', found
                    if found is not None and not same(found, expected, query):
                        outcome, is_wrong = f'DIFFERENT ROWS: {len(found)} and {len(expected)}', True
                if outcome:
                    break
            text = outcome or f'{len(found)} rows'
            if ours and theirs:
                ratio = statistics.median(ours) / statistics.median(theirs)
                ratios.append(ratio)
                text += f'; PostgreSQL {statistics.median(theirs) * 1e3:.1f} ms, {ratio:.2f} times'
            show(f'Q{number}', f'{statistics.median(ours) * 1e3:.1f}' if ours else '-', 'ms of CPU', text)
        if ratios:
            mean = math.exp(statistics.mean(map(math.log, ratios)))
            show(f'geometric mean of {len(ratios)} queries', f'{mean:.2f}', 'times', '')
        show('memory afterwards, anonymous', f'{server.anonymous_mb():.0f}', 'MB', '')
    if peer:
        peer.execute(f'DROP TABLE {", ".join(TABLES)}')
    server.stop()
    folder.cleanup()
    sys.exit(is_wrong)


if __name__ == '__main__':
    main()
