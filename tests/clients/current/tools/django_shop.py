"""Django as its users run it: startproject with its own applications, two models, migrations that change them, and the ORM."""
import datetime
import decimal
import os
import subprocess
import sys
import tempfile

from millrace_server import case, run

FOLDER = tempfile.mkdtemp(prefix="millrace-django-")
DATABASE = """
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": %r, "HOST": %r, "PORT": %r}}
INSTALLED_APPS += ["shop"]
""" % tuple(os.environ[name] for name in ("PGUSER", "PGHOST", "PGPORT"))
MODELS = """
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=40)
    born = models.DateField(null=True)


class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    title = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)
"""
MORE = {"pages": "models.IntegerField(null=True)", "stock": "models.IntegerField(default=7)", "isbn": "models.CharField(max_length=20, db_index=True, default='')"}


def manage(*arguments, fails=False, **environment):
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=FOLDER, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "DJANGO_SUPERUSER_PASSWORD": "x", **environment}, timeout=300, check=False)
    assert (done.returncode != 0) == fails, done.stdout[-2500:]
    return done.stdout


def write_models(text):
    with open(f"{FOLDER}/shop/models.py", "w", encoding="utf-8") as file:
        file.write(text)


def start():
    """A project with one application, whose models this process uses, too."""
    admin = [sys.executable, "-m", "django"]
    subprocess.run([*admin, "startproject", "site_", FOLDER], check=True)
    subprocess.run([*admin, "startapp", "shop"], cwd=FOLDER, check=True)
    with open(f"{FOLDER}/site_/settings.py", "a", encoding="utf-8") as file:
        file.write(DATABASE)
    write_models(MODELS)


start()


@case
def constraints_are_refused_with_the_setting_that_allows_them():
    if os.environ.get("PGOPTIONS"):  # set for a server that accepts constraints without checking them
        assert "unenforced_constraints" in manage("migrate", fails=True, PGOPTIONS="")


@case
def the_first_migration_creates_all_tables():
    manage("makemigrations", "shop")
    assert "Applying shop.0001_initial... OK" in manage("migrate")
    assert "No migrations to apply" in manage("migrate")
    assert "[X] 0001_initial" in manage("showmigrations", "shop")
    manage("check", "--database", "default")


@case
def a_user_is_created():
    manage("createsuperuser", "--noinput", "--username", "ann", "--email", "ann@example.org")
    assert "already taken" in manage("createsuperuser", "--noinput", "--username", "ann", "--email", "a@example.org", fails=True)


@case
def the_orm_reads_and_writes():
    from django.db import transaction
    from django.db.models import Avg, Count, F, Max, Prefetch, Q, Sum, Window
    from django.db.models.functions import Lower, RowNumber, TruncMonth
    from shop.models import Author, Book
    iqbal = Author.objects.create(name="Iqbal", born=datetime.date(1877, 11, 9))
    faiz = Author.objects.create(name="Faiz")
    assert (iqbal.pk, faiz.pk) == (1, 2), (iqbal.pk, faiz.pk)
    made = Book.objects.bulk_create([Book(author=iqbal, title="Asrar", price=3, facts={"lang": "fa"}), Book(author=iqbal, title="Bal", price="4.50"),
                                     Book(author=faiz, title="Naqsh", price=9)])
    assert [each.pk for each in made] == [1, 2, 3], made
    assert [b.title for b in Book.objects.filter(author__name__startswith="Iq").order_by("-price")] == ["Bal", "Asrar"]
    assert Book.objects.filter(facts__lang="fa").get().title == "Asrar"
    assert Book.objects.filter(Q(title__icontains="A") & ~Q(price__gt=5)).count() == 2
    assert Book.objects.filter(title="Bal").update(price=F("price") * 2) == 1
    found = Author.objects.annotate(n=Count("books"), most=Max("books__price"), total=Sum("books__price")).order_by("name")
    assert [(a.name, a.n, a.most, a.total) for a in found] == [("Faiz", 1, decimal.Decimal("9.00"), decimal.Decimal("9.00")),
                                                              ("Iqbal", 2, decimal.Decimal("9.00"), decimal.Decimal("12.00"))]
    assert Book.objects.aggregate(Avg("price"))["price__avg"] == 7
    assert Book.objects.annotate(month=TruncMonth("at")).values("month").annotate(n=Count("id")).get()["n"] == 3
    ranks = Book.objects.annotate(rank=Window(RowNumber(), partition_by=F("author"), order_by="title")).order_by("id")
    assert [b.rank for b in ranks] == [1, 2, 1]
    assert list(Book.objects.annotate(low=Lower("title")).values_list("low", flat=True).distinct().order_by("low")) == ["asrar", "bal", "naqsh"]
    with_books = Author.objects.prefetch_related(Prefetch("books", Book.objects.order_by("title"))).get(pk=1)
    assert [b.title for b in with_books.books.all()] == ["Asrar", "Bal"]
    assert Book.objects.select_related("author").get(title="Naqsh").author.name == "Faiz"
    changed, is_new = Author.objects.update_or_create(name="Faiz", defaults={"born": datetime.date(1911, 2, 13)})
    assert not is_new and changed.pk == 2
    assert Author.objects.get_or_create(name="Ghalib")[1]
    try:
        with transaction.atomic():
            Author.objects.create(name="lost")
            with transaction.atomic():  # a savepoint
                Author.objects.select_for_update().get(pk=1)
            raise KeyError
    except KeyError:
        pass
    assert not Author.objects.filter(name="lost").exists()
    with transaction.atomic():
        assert Author.objects.select_for_update(skip_locked=True).filter(pk=1).count() == 1
    assert len(list(Book.objects.iterator(chunk_size=2))) == 3  # a cursor of the server
    assert faiz.delete()[0] == 2 and Book.objects.count() == 2
    upserted = Author.objects.bulk_create([Author(pk=1, name="Muhammad Iqbal")], update_conflicts=True, unique_fields=["id"], update_fields=["name"])
    assert upserted and Author.objects.get(pk=1).born == datetime.date(1877, 11, 9)


@case
def the_admin_and_its_session_work():
    from django.contrib.auth.models import Group, User
    from django.test import Client
    group = Group.objects.create(name="editors")
    ann = User.objects.get(username="ann")
    ann.groups.add(group)
    assert list(User.objects.filter(groups__name="editors")) == [ann]
    client = Client(headers={"host": "localhost"})
    client.force_login(ann)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/auth/user/?q=ann").status_code == 200


@case
def later_migrations_change_the_tables():
    """A nullable column, one with a default, one with an index; then longer texts, another name; and back."""
    columns = "".join(f"    {name} = {text}\n" for name, text in MORE.items())
    write_models(MODELS + columns)
    assert "Add field stock to book" in manage("makemigrations", "shop")
    assert "Applying shop.0002" in manage("migrate")
    write_models((MODELS + columns).replace("max_length=100", "max_length=200"))
    manage("makemigrations", "shop")
    manage("migrate")
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT title, stock, isbn, pages FROM shop_book ORDER BY id")
        assert cursor.fetchall() == [("Asrar", 7, "", None), ("Bal", 7, "", None)]
    manage("migrate", "shop", "0001")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM shop_book ORDER BY id LIMIT 1")
        assert [each.name for each in cursor.description] == ["id", "title", "price", "facts", "at", "author_id"], cursor.description
    assert "Applying shop.0003" in manage("migrate")


@case
def models_are_read_from_the_database():
    text = manage("inspectdb", "shop_author", "shop_book")
    assert "class ShopBook(models.Model)" in text and "max_digits=8, decimal_places=2" in text and "max_length=200" in text, text
    assert "author = models.ForeignKey(ShopAuthor" in text, text


@case
def rows_are_dumped_and_loaded():
    manage("dumpdata", "shop", "-o", "shop.json")
    manage("flush", "--noinput")
    manage("loaddata", "shop.json")
    from shop.models import Author
    assert Author.objects.filter(name="Muhammad Iqbal").exists()
    assert Author.objects.create(name="next").pk > 3


sys.path.insert(0, FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "site_.settings"
import django  # noqa: E402

django.setup()
run()
