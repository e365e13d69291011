"""dbt with its adapter for PostgreSQL: seeds, models of each kind, tests, documents, snapshots, and runs that repeat them.

With Millrace the project has the macros of docs/clients/tools.md.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import psycopg2

from millrace_server import case, has_limit, run

HOST, PORT = os.environ["MILLRACE_PG"].split(":")
IS_MILLRACE = os.environ["PGUSER"] == "ada"
FOLDER = tempfile.mkdtemp(prefix="dbt-shop-")
DBT = os.path.join(os.path.dirname(sys.executable), "dbt")
# Millrace keeps these models up to date as materialized views. With PostgreSQL the same files are tables.
KEPT = "materialized_view" if IS_MILLRACE else "table"
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 4, "docs", "clients", "tools.md")
FILES = {
    "dbt_project.yml": """
name: shop
version: '1.0'
profile: shop
flags: {send_anonymous_usage_stats: false}
""",
    "profiles.yml": f"""
shop:
  target: here
  outputs:
    here: {{type: postgres, host: {HOST}, port: {PORT}, user: {os.environ['PGUSER']}, password: x, dbname: postgres, schema: public, threads: 2}}
""",
    "seeds/raw_orders.csv": "id,customer,amount,day\n1,ann,120,2024-01-01\n2,bob,80,2024-01-02\n3,ann,45,2024-01-02\n",
    "seeds/raw_customers.csv": "name,city\nann,Lahore\nbob,Quetta\n",
    "models/stg_orders.sql": "{{ config(materialized='view') }} select id, customer, amount from {{ ref('raw_orders') }} where amount > 0",
    "models/large.sql": "{{ config(materialized='ephemeral') }} select id, customer, amount from {{ ref('stg_orders') }} where amount > 50",
    "models/by_city.sql": "{{ config(materialized='" + KEPT + "') }} select c.city, count(*) as orders, sum(l.amount) as total from {{ ref('large') }} l "
                          "join {{ ref('raw_customers') }} c on c.name = l.customer group by c.city",
    "models/plain.sql": "{{ config(materialized='table') }} select id, customer, amount * 2 as doubled from {{ ref('raw_orders') }}",
    "models/plain_again.sql": "{{ config(materialized='table') }} select customer, count(*) as n from {{ ref('plain') }} group by customer",
    "models/added.sql": "{{ config(materialized='incremental', unique_key='id') }} select id, amount from {{ ref('stg_orders') }} "
                        "{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
    "models/schema.yml": """
version: 2
models:
  - name: by_city
    columns:
      - name: city
        data_tests: [not_null, unique]
  - name: stg_orders
    columns:
      - name: id
        data_tests: [not_null, unique]
      - name: customer
        data_tests:
          - relationships: {to: ref('raw_customers'), field: name}
          - accepted_values: {values: [ann, bob]}
""",
    "snapshots/orders_history.sql": """
{% snapshot orders_history %}
{{ config(target_schema='public', unique_key='id', strategy='check', check_cols='all') }}
select id, customer, amount from {{ ref('raw_orders') }}
{% endsnapshot %}
""",
}


def dbt(*arguments, fails=False):
    """Runs dbt; returns its output."""
    done = subprocess.run([DBT, "--no-use-colors", *arguments], cwd=FOLDER, env={**os.environ, "DBT_PROFILES_DIR": FOLDER},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def rows(sql):
    connection = psycopg2.connect(host=HOST, port=PORT, user=os.environ["PGUSER"], password="x", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


@case
@has_limit(300)
def the_connection_is_checked():
    if IS_MILLRACE:
        with open(DOCUMENT, encoding="utf-8") as file:
            FILES["macros/millrace.sql"] = re.search(r"```jinja shown\n(.*?)```", file.read(), re.DOTALL)[1]
    for name, text in FILES.items():
        path = os.path.join(FOLDER, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    assert "All checks passed" in dbt("debug")


@case
@has_limit(300)
def seeds_are_loaded_twice():
    dbt("seed")
    assert "INSERT 3" in dbt("seed")
    assert rows("SELECT count(*), sum(amount) FROM raw_orders") == [(3, 245)]


@case
@has_limit(300)
def models_are_run_twice():
    for _ in range(2):
        dbt("run")
        assert rows("SELECT city, orders, total FROM by_city ORDER BY city") == [("Lahore", 1, 120), ("Quetta", 1, 80)]
        assert rows("SELECT customer, n FROM plain_again ORDER BY customer") == [("ann", 2), ("bob", 1)]


@case
@has_limit(300)
def a_model_follows_its_sources():
    rows("INSERT INTO raw_orders VALUES (4, 'bob', 300, '2024-01-03')")
    dbt("run", "--select", "by_city")
    assert rows("SELECT orders, total FROM by_city WHERE city = 'Quetta'") == [(2, 380)]


@case
@has_limit(300)
def an_incremental_model_adds_rows():
    assert rows("SELECT count(*) FROM added") == [(3,)]
    dbt("run", "--select", "added")
    assert rows("SELECT id, amount FROM added ORDER BY id") == [(1, 120), (2, 80), (3, 45), (4, 300)]


@case
@has_limit(300)
def a_table_is_rebuilt():
    dbt("run", "--select", "plain", "plain_again", "--full-refresh")
    assert rows("SELECT sum(doubled) FROM plain") == [(1090,)]


@case
@has_limit(300)
def data_tests_pass_and_fail():
    assert "PASS=6" in dbt("test")
    rows("INSERT INTO raw_orders VALUES (5, 'eve', 10, '2024-01-04')")
    assert "ERROR=2" in dbt("test", "--select", "stg_orders", fails=True)
    rows("DELETE FROM raw_orders WHERE id = 5")
    dbt("build", "--select", "stg_orders", "by_city")


@case
@has_limit(300)
def documents_are_generated():
    assert "Catalog written" in dbt("docs", "generate")


@case
@has_limit(300)
def a_snapshot_keeps_the_history():
    dbt("snapshot")
    rows("UPDATE raw_orders SET amount = 130 WHERE id = 1")
    dbt("snapshot")
    assert rows("SELECT amount, dbt_valid_to IS NULL FROM orders_history WHERE id = 1 ORDER BY amount") == [(120, False), (130, True)]
    assert rows("SELECT count(*) FROM orders_history") == [(5,)]
    assert rows("SELECT count(*) FROM pg_class WHERE relname LIKE '%dbt_tmp%'") == [(0,)]


try:
    run()
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
