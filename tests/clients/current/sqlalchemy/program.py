"""SQLAlchemy 2 with three drivers: tables made and reflected, core and ORM, as its tutorial has them."""
import asyncio
import datetime
import decimal
import os
import uuid

import sqlalchemy as sa
from millrace_server import case, run
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column, selectinload, relationship

HOST = os.environ["MILLRACE_PG"]
USER = os.environ["PGUSER"]
DRIVERS = ("psycopg2", "psycopg", "asyncpg")
NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 678000)


def url(driver):
    return f"postgresql+{driver}://{USER}@{HOST}/postgres"


def with_connection(driver, body, **options):
    """Runs body(connection) in a transaction that commits."""
    if driver != "asyncpg":
        engine = sa.create_engine(url(driver), **options)
        with engine.begin() as connection:
            body(connection)
        engine.dispose()
        return

    async def go():
        engine = create_async_engine(url(driver), **options)
        async with engine.begin() as connection:
            await connection.run_sync(body)
        await engine.dispose()
    asyncio.run(go())


def each_driver(function):
    """A case for each driver: function(connection, prefix)."""
    for driver in DRIVERS:
        def one(driver=driver):
            with_connection(driver, lambda connection: function(connection, f"sa_{driver}"))
        one.__name__ = f"{function.__name__}[{driver}]"
        case(one)
    return function


def tables(prefix):
    metadata = sa.MetaData()
    users = sa.Table(f"{prefix}_users", metadata, sa.Column("id", sa.Integer, primary_key=True),
                     sa.Column("name", sa.String(30), nullable=False), sa.Column("fullname", sa.String),
                     sa.Column("born", sa.Date), comment="people")
    orders = sa.Table(f"{prefix}_orders", metadata, sa.Column("user_id", sa.Integer, primary_key=True),
                      sa.Column("pos", sa.Integer, primary_key=True), sa.Column("amount", sa.Numeric(10, 2)))
    return metadata, users, orders


def fill(connection, prefix):
    _, users, orders = tables(prefix)
    connection.execute(sa.delete(users))
    connection.execute(sa.delete(orders))
    connection.execute(sa.insert(users), [{"id": i, "name": name, "fullname": name.title(), "born": datetime.date(2000, 1, i)}
                                          for i, name in enumerate(("ann", "bob", "cid", "dan"), 1)])
    connection.execute(sa.insert(orders), [{"user_id": i % 3 + 1, "pos": i, "amount": decimal.Decimal(i) / 4} for i in range(12)])
    return users, orders


@each_driver
def create_all_makes_what_is_missing(connection, prefix):
    metadata, users, _ = tables(prefix)
    metadata.create_all(connection)
    metadata.create_all(connection)  # finds them
    assert sa.inspect(connection).has_table(users.name)
    assert not sa.inspect(connection).has_table("not_there")


@each_driver
def tables_are_reflected(connection, prefix):
    metadata, users, orders = tables(prefix)
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name.startswith(prefix))
    assert {users.name, orders.name} <= set(found.tables), found.tables.keys()
    again = found.tables[orders.name]
    assert [c.name for c in again.primary_key] == ["user_id", "pos"], again.primary_key
    assert isinstance(again.c.amount.type, sa.Numeric) and (again.c.amount.type.precision, again.c.amount.type.scale) == (10, 2)
    assert found.tables[users.name].comment == "people"
    assert found.tables[users.name].c.name.nullable is False
    one = sa.Table(users.name, sa.MetaData(), autoload_with=connection)
    assert [c.name for c in one.c] == ["id", "name", "fullname", "born"], one.c


@each_driver
def the_inspector_answers(connection, prefix):
    inspector = sa.inspect(connection)
    name = f"{prefix}_users"
    assert "public" in inspector.get_schema_names()
    assert name in inspector.get_table_names() and name in inspector.get_table_names("public")
    assert [(c["name"], type(c["type"]).__name__, c["nullable"]) for c in inspector.get_columns(name)] == [
        ("id", "INTEGER", False), ("name", "VARCHAR", False), ("fullname", "VARCHAR", True), ("born", "DATE", True)], inspector.get_columns(name)
    key = inspector.get_pk_constraint(name)
    assert key["constrained_columns"] == ["id"] and key["name"] == f"{name}_pkey", key
    assert inspector.get_foreign_keys(name) == [] and inspector.get_unique_constraints(name) == []
    assert inspector.get_indexes(name) == [] and inspector.get_check_constraints(name) == []
    assert inspector.get_table_comment(name) == {"text": "people"}
    assert inspector.get_view_names() == [], inspector.get_view_names()
    assert inspector.get_materialized_view_names() == []
    inspector.get_sequence_names()
    assert inspector.get_enums() == [], inspector.get_enums()
    try:
        inspector.get_columns("not_there")
        raise AssertionError("columns of nothing")
    except sa.exc.NoSuchTableError:
        pass


@each_driver
def columns_keep_their_lengths(connection, prefix):
    assert str(sa.inspect(connection).get_columns(f"{prefix}_users")[1]["type"]) == "VARCHAR(30)"


@each_driver
def core_inserts_and_selects(connection, prefix):
    users, orders = fill(connection, prefix)
    assert connection.scalar(sa.select(sa.func.count()).select_from(users)) == 4
    rows = connection.execute(sa.select(users.c.name, sa.func.sum(orders.c.amount).label("total")).join(orders, orders.c.user_id == users.c.id)
                              .group_by(users.c.name).having(sa.func.count() > 1).order_by(sa.desc("total"))).all()
    assert rows == [("cid", decimal.Decimal("6.50")), ("bob", decimal.Decimal("5.50")), ("ann", decimal.Decimal("4.50"))], rows
    page = connection.execute(sa.select(users.c.id).order_by(users.c.id.desc()).limit(2).offset(1)).scalars().all()
    assert page == [3, 2], page
    row = connection.execute(sa.select(users).where(users.c.name == "bob")).mappings().one()
    assert dict(row) == {"id": 2, "name": "bob", "fullname": "Bob", "born": datetime.date(2000, 1, 2)}, row


@each_driver
def core_compares(connection, prefix):
    users, _ = fill(connection, prefix)
    for condition, ids in ((users.c.id.in_([1, 3, 9]), [1, 3]), (users.c.name.like("%n"), [1, 4]), (users.c.name.ilike("A%"), [1]),
                           (users.c.name.startswith("b"), [2]), (users.c.id.between(2, 3), [2, 3]), (users.c.born.is_(None), []),
                           (users.c.born > datetime.date(2000, 1, 3), [4]), (sa.or_(users.c.id == 1, users.c.name == "dan"), [1, 4]),
                           (sa.not_(users.c.id < 4), [4]), (users.c.id.in_([]), []), (users.c.name + "!" == "cid!", [3]),
                           (sa.func.upper(users.c.name) == "ANN", [1]), (users.c.name.regexp_match("^[ab]"), [1, 2]),
                           (sa.extract("day", users.c.born) == 3, [3]), (users.c.id == sa.any_(pg.array([2, 4])), [2, 4]),
                           (sa.cast(users.c.id, sa.String) == "2", [2]), (sa.func.coalesce(users.c.fullname, "-") == "Cid", [3]),
                           (users.c.id % 2 == 0, [2, 4]), (sa.case((users.c.id > 2, "big"), else_="small") == "big", [3, 4]),
                           (sa.tuple_(users.c.id, users.c.name).in_([(1, "ann"), (2, "x")]), [1])):
        found = connection.execute(sa.select(users.c.id).where(condition).order_by(users.c.id)).scalars().all()
        assert found == ids, (str(condition), found, ids)


@each_driver
def core_asks_within(connection, prefix):
    users, orders = fill(connection, prefix)
    inner = sa.select(orders.c.user_id).where(orders.c.amount > 2.5).scalar_subquery()
    assert connection.execute(sa.select(users.c.name).where(users.c.id.in_(sa.select(orders.c.user_id))).order_by(users.c.name)).scalars().all() == [
        "ann", "bob", "cid"]
    exists = sa.exists().where(orders.c.user_id == users.c.id)
    assert connection.execute(sa.select(users.c.name).where(~exists)).scalars().all() == ["dan"]
    biggest = sa.select(orders.c.user_id, sa.func.max(orders.c.amount).label("most")).group_by(orders.c.user_id).cte("biggest")
    rows = connection.execute(sa.select(users.c.name, biggest.c.most).join(biggest, biggest.c.user_id == users.c.id, isouter=True)
                              .order_by(users.c.name)).all()
    assert rows == [("ann", decimal.Decimal("2.25")), ("bob", decimal.Decimal("2.50")), ("cid", decimal.Decimal("2.75")), ("dan", None)], rows
    rank = sa.func.row_number().over(partition_by=orders.c.user_id, order_by=orders.c.amount.desc()).label("rank")
    ranked = sa.select(orders.c.user_id, orders.c.pos, rank).subquery()
    assert connection.execute(sa.select(ranked.c.pos).where(ranked.c.rank == 1).order_by(ranked.c.pos)).scalars().all() == [9, 10, 11]
    both = sa.union_all(sa.select(users.c.id), sa.select(orders.c.user_id)).subquery()
    assert connection.scalar(sa.select(sa.func.count(sa.distinct(both.c.id)))) == 4
    assert connection.scalar(sa.select(inner)) == 3
    numbers = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < 5))
    assert connection.execute(sa.select(numbers.c.n).order_by(numbers.c.n)).scalars().all() == [1, 2, 3, 4, 5]


@each_driver
def core_changes_rows(connection, prefix):
    users, orders = fill(connection, prefix)
    assert connection.execute(sa.update(users).where(users.c.id > 2).values(fullname="Changed")).rowcount == 2
    assert connection.execute(sa.update(users).where(users.c.id == 1).values(name=users.c.name + "e")).rowcount == 1
    assert connection.execute(sa.delete(users).where(users.c.id == 4)).rowcount == 1
    assert connection.execute(sa.select(users.c.name, users.c.fullname).order_by(users.c.id)).all() == [
        ("anne", "Ann"), ("bob", "Bob"), ("cid", "Changed")]
    made = connection.execute(sa.insert(users).values(id=9, name="eve").returning(users.c.id, users.c.name)).one()
    assert made == (9, "eve"), made
    upsert = pg.insert(users).values(id=9, name="eva")
    connection.execute(upsert.on_conflict_do_update(index_elements=[users.c.id], set_={"name": upsert.excluded.name}))
    assert connection.scalar(sa.select(users.c.name).where(users.c.id == 9)) == "eva"
    connection.execute(pg.insert(users).values(id=9, name="no").on_conflict_do_nothing())
    assert connection.scalar(sa.select(users.c.name).where(users.c.id == 9)) == "eva"
    connection.execute(sa.insert(orders).from_select(["user_id", "pos"], sa.select(users.c.id, sa.literal(99)).where(users.c.id == 9)))
    assert connection.scalar(sa.select(orders.c.pos).where(orders.c.user_id == 9)) == 99


@each_driver
def savepoints_hold(connection, prefix):
    users, _ = fill(connection, prefix)
    with connection.begin_nested():
        connection.execute(sa.insert(users).values(id=20, name="kept"))
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(users).values(id=21, name="lost"))
            connection.execute(sa.text("SELECT 1 / 0"))
    except sa.exc.DBAPIError:
        pass
    assert connection.execute(sa.select(users.c.id).where(users.c.id >= 20)).scalars().all() == [20]


@each_driver
def types_come_back(connection, prefix):
    table = sa.Table(f"{prefix}_types", sa.MetaData(), sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
                     sa.Column("b", sa.Boolean), sa.Column("d", sa.Double), sa.Column("n", sa.Numeric(12, 4)),
                     sa.Column("t", sa.Text), sa.Column("x", sa.LargeBinary), sa.Column("day", sa.Date), sa.Column("time", sa.Time),
                     sa.Column("zoned", sa.DateTime(timezone=True)), sa.Column("u", sa.Uuid),
                     sa.Column("j", sa.JSON), sa.Column("jb", pg.JSONB), sa.Column("a", pg.ARRAY(sa.Integer)), sa.Column("ta", pg.ARRAY(sa.Text)),
                     sa.Column("i", sa.Interval))
    table.create(connection)
    row = {"id": 2**40, "b": True, "d": 0.1, "n": decimal.Decimal("12.3450"), "t": "grüße \\ '", "x": bytes(range(256)),
           "day": NOON.date(), "time": NOON.time(), "zoned": NOON.replace(tzinfo=datetime.timezone.utc),
           "u": uuid.UUID(int=7), "j": {"a": [1, None]}, "jb": {"b": "c"}, "a": [1, None, 3], "ta": ["a,b", "", "\"q\""],
           "i": datetime.timedelta(days=1, hours=2)}
    connection.execute(sa.insert(table), row)
    assert dict(connection.execute(sa.select(table)).mappings().one()) == row
    connection.execute(sa.insert(table), dict.fromkeys(row, None) | {"id": 1, "j": sa.null(), "jb": sa.null()})
    assert connection.execute(sa.select(table).where(table.c.id == 1)).one() == (1,) + (None,) * (len(row) - 1)
    found = sa.inspect(connection).get_columns(table.name)
    kinds = [type(c["type"]).__name__ for c in found]
    assert kinds == ["BIGINT", "BOOLEAN", "DOUBLE_PRECISION", "NUMERIC", "TEXT", "BYTEA", "DATE", "TIME", "TIMESTAMP", "UUID", "JSON", "JSONB",
                     "ARRAY", "ARRAY", "INTERVAL"], kinds
    table.drop(connection)
    assert not sa.inspect(connection).has_table(table.name)


@each_driver
def narrow_types_come_back(connection, prefix):
    table = sa.Table(f"{prefix}_narrow", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                     sa.Column("s", sa.SmallInteger), sa.Column("f", sa.REAL), sa.Column("at", sa.DateTime))
    table.create(connection)
    connection.execute(sa.insert(table), {"id": 1, "s": -3, "f": 1.5, "at": NOON})
    assert connection.execute(sa.select(table).where(table.c.at == NOON)).one() == (1, -3, 1.5, NOON)


@each_driver
def enums_are_made_and_found(connection, prefix):
    metadata = sa.MetaData()
    table = sa.Table(f"{prefix}_moods", metadata, sa.Column("id", sa.Integer, primary_key=True),
                     sa.Column("mood", sa.Enum("sad", "ok", name=f"{prefix}_mood")))
    metadata.create_all(connection)
    connection.execute(sa.insert(table).values(id=1, mood="ok"))
    assert connection.scalar(sa.select(table.c.id).where(table.c.mood == "ok")) == 1
    assert [e["labels"] for e in sa.inspect(connection).get_enums() if e["name"] == f"{prefix}_mood"] == [["sad", "ok"]]
    metadata.drop_all(connection)


@each_driver
def rows_come_in_parts(connection, prefix):
    metadata = sa.MetaData()
    table = sa.Table(f"{prefix}_many", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("s", sa.String))
    metadata.create_all(connection)
    connection.execute(sa.insert(table), [{"id": i, "s": str(i)} for i in range(2500)])
    if "asyncpg" not in prefix:
        asked = sa.select(table.c.id).order_by(table.c.id).execution_options(stream_results=True, yield_per=300)
        result = connection.execute(asked)
        assert [len(part) for part in result.scalars().partitions()] == [300] * 8 + [100]
    made = connection.execute(sa.insert(table).returning(table.c.id, sort_by_parameter_order=True),
                              [{"id": i, "s": "x"} for i in range(5000, 5100)]).scalars().all()
    assert made == list(range(5000, 5100)), made
    metadata.drop_all(connection)


def models(prefix):
    class Base(DeclarativeBase):
        pass

    class Author(Base):
        __tablename__ = f"{prefix}_authors"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        born: Mapped[datetime.date | None]
        books: Mapped[list["Book"]] = relationship(primaryjoin="Author.id == foreign(Book.author_id)", back_populates="author",
                                                   cascade="all, delete-orphan", order_by="Book.id")

    class Book(Base):
        __tablename__ = f"{prefix}_books"
        id: Mapped[int] = mapped_column(primary_key=True)
        author_id: Mapped[int | None]
        title: Mapped[str]
        price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(8, 2))
        author: Mapped[Author | None] = relationship(primaryjoin="Author.id == foreign(Book.author_id)", back_populates="books")
    return Base, Author, Book


@each_driver
def the_orm_keeps_objects(connection, prefix):
    base, author, book = models(prefix)
    base.metadata.create_all(connection)
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        session.add_all([author(name="Iqbal", books=[book(title="Asrar", price=decimal.Decimal("3.50")), book(title="Rumuz", price=2)]),
                         author(name="Faiz", books=[book(title="Naqsh", price=9)]), author(name="Ghalib")])
        session.commit()
        ids = session.scalars(sa.select(author.id).order_by(author.id)).all()
        assert ids == [1, 2, 3], ids  # given by the server
        found = session.scalars(sa.select(author).options(selectinload(author.books)).order_by(author.name)).all()
        assert [(each.name, [b.title for b in each.books]) for each in found] == [
            ("Faiz", ["Naqsh"]), ("Ghalib", []), ("Iqbal", ["Asrar", "Rumuz"])]
        joined = session.execute(sa.select(author.name, sa.func.count(book.id)).join(book, book.author_id == author.id, isouter=True)
                                 .group_by(author.name).order_by(author.name)).all()
        assert joined == [("Faiz", 1), ("Ghalib", 0), ("Iqbal", 2)], joined
        other = aliased(book)
        pairs = session.execute(sa.select(book.title, other.title).join(other, other.author_id == book.author_id).where(book.id < other.id)).all()
        assert pairs == [("Asrar", "Rumuz")], pairs
        iqbal = session.get(author, found[2].id)
        iqbal.name = "Muhammad Iqbal"
        del iqbal.books[0]
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(book)) == 2
        session.execute(sa.update(book).where(book.title == "Naqsh").values(price=book.price * 2))
        assert session.scalar(sa.select(book.price).where(book.title == "Naqsh")) == decimal.Decimal("18.00")
        session.delete(session.get(author, iqbal.id))
        session.commit()
        assert session.scalars(sa.select(author.name).order_by(author.id)).all() == ["Faiz", "Ghalib"]
        session.add(author(name="lost"))
        session.flush()
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(author)) == 2
    base.metadata.drop_all(connection)


def isolation_levels(driver):
    def body(connection):
        assert connection.scalar(sa.text("SELECT 1")) == 1
    with_connection(driver, body, isolation_level="AUTOCOMMIT")
    with_connection(driver, lambda connection: connection.scalar(sa.text("SHOW transaction_isolation")) == "read committed" or 1 / 0)


def the_isolation_level_in_effect_is_shown(driver):
    def body(connection):
        # SQLAlchemy asks with SHOW. Millrace accepts SERIALIZABLE with a warning, and shows the level in effect.
        is_millrace = "Millrace" in connection.scalar(sa.text("SELECT version()"))
        level = connection.get_isolation_level()
        assert level == ("READ COMMITTED" if is_millrace else "SERIALIZABLE"), level
    with_connection(driver, body, isolation_level="SERIALIZABLE")


def pools_ping(driver):
    with_connection(driver, lambda connection: connection.execute(sa.text("SELECT :x + 1"), {"x": 1}).scalar_one(), pool_pre_ping=True)


for each in (isolation_levels, the_isolation_level_in_effect_is_shown, pools_ping):
    for name in DRIVERS:
        def one(each=each, name=name):
            each(name)
        one.__name__ = f"{each.__name__}[{name}]"
        case(one)
run()
