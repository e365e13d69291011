"""Nexmark: its queries in Millrace's dialect, and their expected answers, computed here from the events alone.

Each query is a list of statements; the last one creates the relation that is compared. `answer` is sent to the server,
`expect` takes the events ({'person': [...], 'auction': [...], 'bid': [...]}) and returns the rows, in any order.
"""
import collections
import dataclasses
import datetime
import re
from collections.abc import Callable
from decimal import Decimal

SCHEMA = [
    "CREATE STREAM person (id BIGINT KEY, name VARCHAR, email VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, "
    "date_time BIGINT, extra VARCHAR) WITH (KAFKA_TOPIC = 'nexmark-person', TIMESTAMP = 'date_time')",
    "CREATE STREAM auction (id BIGINT KEY, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, "
    "date_time BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR) "
    "WITH (KAFKA_TOPIC = 'nexmark-auction', TIMESTAMP = 'date_time')",
    "CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT, "
    "extra VARCHAR) WITH (KAFKA_TOPIC = 'nexmark-bid', TIMESTAMP = 'date_time')",
    # For queries that use the time at which a record arrives.
    "CREATE STREAM bid_now (auction BIGINT, bidder BIGINT, price BIGINT) WITH (KAFKA_TOPIC = 'nexmark-bid')",
    # Persons and auctions never change: their streams are tables.
    "CREATE TABLE persons (id BIGINT PRIMARY KEY, name VARCHAR, city VARCHAR, state VARCHAR, date_time BIGINT) "
    "WITH (KAFKA_TOPIC = 'nexmark-person', TIMESTAMP = 'date_time')",
    "CREATE TABLE auctions (id BIGINT PRIMARY KEY, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, "
    "reserve BIGINT, date_time BIGINT, expires BIGINT, seller BIGINT, category BIGINT) "
    "WITH (KAFKA_TOPIC = 'nexmark-auction', TIMESTAMP = 'date_time')",
    "CREATE TABLE side (key BIGINT PRIMARY KEY, value VARCHAR) WITH (PARTITIONS = 1)",
]
SIDE = 10_000  # the number of rows of the side input


@dataclasses.dataclass
class Query:
    statements: list[str]
    answer: str | None = None  # None: all rows of the last relation
    expect: Callable | None = None
    published: int | None = None  # events per second and core, of Flink 2
    note: str = ''

    @property
    def sink(self):
        return re.match(r'CREATE \w+ (\w+)', self.statements[-1])[1]


_DAY = "FORMAT_TIMESTAMP(FROM_UNIXTIME(date_time), 'yyyy-MM-dd')"
_CHANNEL = "REGEXP_EXTRACT('(&|^)channel_id=([^&]*)', url, 2)"
_BIDS_OF_AUCTIONS = ("SELECT b.auction AS auction, a.category AS category, b.price AS price, b.bidder AS bidder "
                     "FROM bid b JOIN auctions a ON b.auction = a.id WHERE b.date_time BETWEEN a.date_time AND a.expires")


def _ranks(value, function):
    """The columns of an aggregate function over three price ranges."""
    bounds = ('price < 10000', 'price >= 10000 AND price < 1000000', 'price >= 1000000')
    none = '0' if function == 'SUM' else 'CAST(NULL AS BIGINT)'
    return ', '.join(f'{function}(CASE WHEN {bound} THEN {value} ELSE {none} END) AS {function[0]}{value[0]}{i}'
                     for i, bound in enumerate(bounds, 1))


def _rank(price):
    return 0 if price < 10_000 else 1 if price < 1_000_000 else 2


def _utc(ms, pattern):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime(pattern)


def _of_bids(make):
    return lambda events: [row for bid in events['bid'] if (row := make(bid)) is not None]


def _grouped(key, fold, of='bid'):
    """Returns rows of a key and fold(records of the group)."""
    def expect(events):
        groups = collections.defaultdict(list)
        for record in events[of]:
            groups[key(record)].append(record)
        return [(*(k if isinstance(k, tuple) else (k,)), *fold(group)) for k, group in groups.items()]
    return expect


def _decimal(price):
    return Decimal('0.908') * price


def _valid_bids(events):
    """Returns the auctions by id, and for each auction the bids that arrived while it was open."""
    auctions = {a['id']: a for a in events['auction']}
    by_auction = collections.defaultdict(list)
    for bid in events['bid']:
        auction = auctions.get(bid['auction'])
        if auction and auction['date_time'] <= bid['date_time'] <= auction['expires']:
            by_auction[auction['id']].append(bid)
    return auctions, by_auction


def _q3(events):
    persons = {p['id']: p for p in events['person']}
    return [(a['id'], p['name'], p['city'], p['state']) for a in events['auction']
            if a['category'] == 10 and (p := persons.get(a['seller'])) and p['state'] in ('OR', 'ID', 'CA')]


def _q4(events):
    auctions, bids = _valid_bids(events)
    finals = collections.defaultdict(list)
    for auction, its in bids.items():
        finals[auctions[auction]['category']].append(max(b['price'] for b in its))
    return [(category, round(sum(prices) / len(prices), 3)) for category, prices in finals.items()]


def _q5(events):
    counts = collections.defaultdict(collections.Counter)
    for bid in events['bid']:
        last = bid['date_time'] // 2000 * 2000
        for start in range(last - 8000, last + 1, 2000):
            counts[start][bid['auction']] += 1
    return [(start, max(by_auction.values())) for start, by_auction in counts.items()]


def _q6(events):
    auctions, bids = _valid_bids(events)
    sales = collections.defaultdict(list)
    for auction, its in bids.items():
        best = max(its, key=lambda b: b['price'])  # the first of those
        sales[auctions[auction]['seller']].append((best['date_time'], auction, best['price']))
    last = {seller: sorted(its)[-10:] for seller, its in sales.items()}
    return [(seller, round(sum(price for *_, price in its) / len(its), 3)) for seller, its in last.items()]


def _q8(events):
    persons = {(p['id'], p['date_time'] // 10_000): p for p in events['person']}
    made = {(a['seller'], a['date_time'] // 10_000) for a in events['auction']}
    return [(p['id'], p['name'], window * 10_000) for (seller, window), p in persons.items() if (seller, window) in made]


def _q9(events):
    _, bids = _valid_bids(events)
    return [(auction, max(b['price'] for b in its)) for auction, its in bids.items()]


def _q11(events):
    times = collections.defaultdict(list)
    for bid in events['bid']:
        times[bid['bidder']].append(bid['date_time'])
    rows = []
    for bidder, its in times.items():
        its.sort()
        begun, count, last = its[0], 0, its[0]
        for time in its:
            if time - last > 10_000:
                rows.append((bidder, begun, last, count))
                begun, count = time, 0
            count, last = count + 1, time
        rows.append((bidder, begun, last, count))
    return rows


def _ranked(bids):
    counts = collections.Counter(_rank(b['price']) for b in bids)
    return tuple(counts[i] for i in range(3))


def _distinct(bids, of):
    return (len({b[of] for b in bids}), *(len({b[of] for b in bids if _rank(b['price']) == i}) for i in range(3)))


def _q21(bid):
    known = {'apple': '0', 'google': '1', 'facebook': '2', 'baidu': '3'}
    found = re.search(r'(?:&|^)channel_id=([^&]*)', bid['url'])
    channel = known.get(bid['channel'].lower(), found and found[1])
    return None if channel is None else (bid['auction'], bid['bidder'], bid['price'], bid['channel'], channel)


def _q20(events):
    auctions = {a['id']: a for a in events['auction'] if a['category'] == 10}
    return [(b['auction'], b['bidder'], b['price'], a['item_name'], a['seller']) for b in events['bid']
            if (a := auctions.get(b['auction'])) and a['date_time'] <= b['date_time']]


def _hours(ms):
    hour = ms // 3_600_000 % 24
    return 'dayTime' if 8 <= hour <= 18 else 'nightTime' if hour <= 6 or hour >= 20 else 'otherTime'


QUERIES = {
    'q0': Query(['CREATE STREAM q0 AS SELECT auction, bidder, price, date_time, extra FROM bid'], None,
                _of_bids(lambda b: (b['auction'], b['bidder'], b['price'], b['date_time'], b['extra'])), 379_000),
    'q1': Query(['CREATE STREAM q1 AS SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid'], None,
                _of_bids(lambda b: (b['auction'], b['bidder'], _decimal(b['price']), b['date_time'], b['extra']))),
    'q2': Query(['CREATE STREAM q2 AS SELECT auction, price FROM bid WHERE auction % 123 = 0'], None,
                _of_bids(lambda b: (b['auction'], b['price']) if b['auction'] % 123 == 0 else None)),
    'q3': Query(['CREATE TABLE q3 AS SELECT a.id AS id, p.name AS name, p.city AS city, p.state AS state FROM auctions a '
                 "JOIN persons p ON a.seller = p.id WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')"],
                None, _q3, 219_000, 'a join of two tables by a foreign key'),
    'q4': Query([f'CREATE STREAM q4_bids AS {_BIDS_OF_AUCTIONS}',
                 "CREATE TABLE q4_winning WITH (KEY_FORMAT = 'JSON') AS SELECT auction, category, MAX(price) AS final "
                 'FROM q4_bids GROUP BY auction, category',
                 'CREATE TABLE q4 AS SELECT category, AVG(final) AS final FROM q4_winning GROUP BY category'],
                'SELECT category, ROUND(final, 3) FROM q4', _q4, 28_000),
    'q5': Query(['CREATE TABLE q5 AS SELECT auction, COUNT(*) AS num FROM bid '
                 'WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS) GROUP BY auction'],
                'SELECT WINDOWSTART, MAX(num) FROM q5 GROUP BY WINDOWSTART', _q5, 75_000,
                'the hottest of each window is asked for, not kept'),
    'q6': Query(['CREATE STREAM q6_bids AS SELECT b.auction AS auction, a.seller AS seller, b.price AS price, b.date_time AS date_time '
                 'FROM bid b JOIN auctions a ON b.auction = a.id WHERE b.date_time BETWEEN a.date_time AND a.expires',
                 "CREATE TABLE q6 WITH (KEY_FORMAT = 'JSON') AS SELECT seller, auction, TOPK(price, date_time, 1) AS won "
                 'FROM q6_bids GROUP BY seller, auction'],
                'WITH sales AS (SELECT seller, auction, won[1]->`sort_col` AS price, won[1]->`col0` AS at FROM q6) '
                'SELECT s.seller, ROUND(AVG(s.price), 3) FROM sales s WHERE (SELECT COUNT(*) FROM sales l WHERE l.seller = s.seller '
                'AND (l.at > s.at OR l.at = s.at AND l.auction > s.auction)) < 10 GROUP BY s.seller', _q6, None,
                'the sales are kept; the last ten of each seller, and their mean, are asked for'),
    'q7': Query(["CREATE TABLE q7 AS SELECT 'all' AS bids, MAX(price) AS price FROM bid "
                 "WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY 'all'"],
                'SELECT WINDOWSTART, price FROM q7',
                _grouped(lambda b: b['date_time'] // 10_000 * 10_000, lambda g: (max(b['price'] for b in g),)), 23_000,
                'the highest price; whose bid it was is a look-up'),
    'q8': Query(['CREATE STREAM q8_met AS SELECT p.id AS id, p.name AS name, p.date_time / 10000 * 10000 AS started '
                 'FROM person p JOIN auction a WITHIN 10 SECONDS GRACE PERIOD 10 SECONDS ON p.id = a.seller '
                 'WHERE p.date_time / 10000 = a.date_time / 10000',
                 "CREATE TABLE q8 WITH (KEY_FORMAT = 'JSON') AS SELECT id, name, started, COUNT(*) AS auctions FROM q8_met "
                 'GROUP BY id, name, started'], 'SELECT id, name, started FROM q8', _q8, 162_000),
    'q9': Query([f'CREATE STREAM q9_bids AS {_BIDS_OF_AUCTIONS}',
                 'CREATE TABLE q9 AS SELECT auction, TOPK(price, bidder, 1) AS won FROM q9_bids GROUP BY auction'],
                'SELECT auction, won[1]->`sort_col` FROM q9', _q9, 14_000),
    'q10': Query([f"CREATE STREAM q10 AS SELECT auction, bidder, price, date_time, extra, {_DAY} AS day, "
                  "FORMAT_TIMESTAMP(FROM_UNIXTIME(date_time), 'HH:mm') AS minute FROM bid"], None,
                 _of_bids(lambda b: (b['auction'], b['bidder'], b['price'], b['date_time'], b['extra'],
                                     _utc(b['date_time'], '%Y-%m-%d'), _utc(b['date_time'], '%H:%M')))),
    'q11': Query(['CREATE TABLE q11 AS SELECT bidder, COUNT(*) AS bids FROM bid WINDOW SESSION (10 SECONDS) GROUP BY bidder'],
                 'SELECT bidder, WINDOWSTART, WINDOWEND, bids FROM q11', _q11),
    'q12': Query(['CREATE TABLE q12 AS SELECT bidder, COUNT(*) AS bids FROM bid_now WINDOW TUMBLING (SIZE 10 SECONDS) '
                  'GROUP BY bidder'], 'SELECT bidder, SUM(bids) FROM q12 GROUP BY bidder',
                 _grouped(lambda b: b['bidder'], lambda g: (len(g),)), None, 'by the time at which the record came'),
    'q13': Query([f'CREATE STREAM q13 AS SELECT s.key AS k, auction, bidder, price, s.value AS value FROM bid b '
                  f'JOIN side s ON b.auction % {SIDE} = s.key'], None,
                 _of_bids(lambda b: (b['auction'] % SIDE, b['auction'], b['bidder'], b['price'], f"v{b['auction'] % SIDE}"))),
    'q14': Query(["CREATE STREAM q14 AS SELECT auction, bidder, 0.908 * price AS price, CASE "
                  "WHEN date_time / 3600000 % 24 BETWEEN 8 AND 18 THEN 'dayTime' "
                  "WHEN date_time / 3600000 % 24 <= 6 OR date_time / 3600000 % 24 >= 20 THEN 'nightTime' "
                  "ELSE 'otherTime' END AS bid_time, LEN(extra) - LEN(REPLACE(extra, 'c', '')) AS c_counts FROM bid "
                  'WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000'], None,
                 _of_bids(lambda b: (b['auction'], b['bidder'], _decimal(b['price']), _hours(b['date_time']),
                                     b['extra'].count('c')) if 1_000_000 < _decimal(b['price']) < 50_000_000 else None)),
    'q15': Query([f"CREATE TABLE q15 AS SELECT {_DAY} AS day, COUNT(*) AS bids, {_ranks('1', 'SUM')}, "
                  f"COUNT_DISTINCT(bidder) AS bidders, {_ranks('bidder', 'COUNT_DISTINCT')}, "
                  f"COUNT_DISTINCT(auction) AS auctions, {_ranks('auction', 'COUNT_DISTINCT')} FROM bid GROUP BY {_DAY}"], None,
                 _grouped(lambda b: _utc(b['date_time'], '%Y-%m-%d'),
                          lambda g: (len(g), *_ranked(g), *_distinct(g, 'bidder'), *_distinct(g, 'auction'))), None,
                 'distinct ones are counted to 1 % beyond 512'),
    'q16': Query([f"CREATE TABLE q16 WITH (KEY_FORMAT = 'JSON') AS SELECT channel, {_DAY} AS day, MAX("
                  "FORMAT_TIMESTAMP(FROM_UNIXTIME(date_time), 'HH:mm')) AS minute, "
                  f"COUNT(*) AS bids, {_ranks('1', 'SUM')}, COUNT_DISTINCT(bidder) AS bidders, "
                  f"{_ranks('bidder', 'COUNT_DISTINCT')}, COUNT_DISTINCT(auction) AS auctions, "
                  f"{_ranks('auction', 'COUNT_DISTINCT')} FROM bid GROUP BY channel, {_DAY}"], None,
                 _grouped(lambda b: (b['channel'], _utc(b['date_time'], '%Y-%m-%d')),
                          lambda g: (_utc(max(b['date_time'] for b in g), '%H:%M'), len(g), *_ranked(g),
                                     *_distinct(g, 'bidder'), *_distinct(g, 'auction'))), 45_000),
    'q17': Query([f"CREATE TABLE q17 WITH (KEY_FORMAT = 'JSON') AS SELECT auction, {_DAY} AS day, COUNT(*) AS bids, "
                  f"{_ranks('1', 'SUM')}, MIN(price) AS low, MAX(price) AS high, AVG(price) AS mean, SUM(price) AS total "
                  f"FROM bid GROUP BY auction, {_DAY}"],
                 'SELECT auction, day, bids, S11, S12, S13, low, high, ROUND(mean, 3), total FROM q17',
                 _grouped(lambda b: (b['auction'], _utc(b['date_time'], '%Y-%m-%d')),
                          lambda g: (len(g), *_ranked(g), min(b['price'] for b in g), max(b['price'] for b in g),
                                     round(sum(b['price'] for b in g) / len(g), 3), sum(b['price'] for b in g))), 161_000),
    'q18': Query(["CREATE TABLE q18 WITH (KEY_FORMAT = 'JSON') AS SELECT bidder, auction, LATEST_BY_OFFSET(price) AS price, "
                  'LATEST_BY_OFFSET(channel) AS channel, LATEST_BY_OFFSET(url) AS url, LATEST_BY_OFFSET(date_time) AS date_time, '
                  'LATEST_BY_OFFSET(extra) AS extra FROM bid GROUP BY bidder, auction'], None,
                 _grouped(lambda b: (b['bidder'], b['auction']),
                          lambda g: tuple(g[-1][c] for c in ('price', 'channel', 'url', 'date_time', 'extra'))), 65_000),
    'q19': Query(['CREATE TABLE q19 AS SELECT auction, TOPK(price, 10) AS top FROM bid GROUP BY auction'],
                 "SELECT auction, ARRAY_JOIN(top, ' ') FROM q19",
                 _grouped(lambda b: b['auction'],
                          lambda g: (' '.join(str(p) for p in sorted((b['price'] for b in g), reverse=True)[:10]),)), 43_000),
    'q20': Query(['CREATE STREAM q20 AS SELECT b.auction AS auction, bidder, price, item_name, seller FROM bid b '
                  'JOIN auctions a ON b.auction = a.id WHERE a.category = 10'], None, _q20, 12_000),
    'q21': Query(["CREATE STREAM q21 AS SELECT auction, bidder, price, channel, CASE WHEN LCASE(channel) = 'apple' THEN '0' "
                  "WHEN LCASE(channel) = 'google' THEN '1' WHEN LCASE(channel) = 'facebook' THEN '2' "
                  f"WHEN LCASE(channel) = 'baidu' THEN '3' ELSE {_CHANNEL} END AS channel_id FROM bid "
                  f"WHERE {_CHANNEL} IS NOT NULL OR LCASE(channel) IN ('apple', 'google', 'facebook', 'baidu')"],
                 None, _of_bids(_q21)),
    'q22': Query(["CREATE STREAM q22 AS SELECT auction, bidder, price, channel, SPLIT(url, '/')[4] AS dir1, "
                  "SPLIT(url, '/')[5] AS dir2, SPLIT(url, '/')[6] AS dir3 FROM bid"], None,
                 _of_bids(lambda b: (b['auction'], b['bidder'], b['price'], b['channel'], *b['url'].split('/')[3:6])), 212_000),
}
