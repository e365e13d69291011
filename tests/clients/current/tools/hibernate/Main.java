import jakarta.persistence.*;
import java.math.BigDecimal;
import java.time.*;
import java.util.*;
import java.util.function.*;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.annotations.CreationTimestamp;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.cfg.Configuration;
import org.hibernate.type.SqlTypes;

/** Hibernate: the schema is created, updated and validated; entities, HQL, criteria, locks and versions. */
public class Main {
  enum Kind { PAPER, SOUND }

  @Entity(name = "Author") @Table(name = "h_authors")
  public static class Author {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    @Column(length = 40, nullable = false) String name;
    LocalDate born;
    @Version int version;
    @OneToMany(mappedBy = "author", cascade = CascadeType.ALL, orphanRemoval = true) List<Book> books = new ArrayList<>();
  }

  @Entity(name = "Book") @Table(name = "h_books", indexes = @Index(name = "h_books_by_title", columnList = "title"))
  public static class Book {
    @Id @GeneratedValue(strategy = GenerationType.SEQUENCE) Long id;
    @ManyToOne(fetch = FetchType.LAZY) Author author;
    String title;
    @Column(precision = 8, scale = 2) BigDecimal price;
    @Enumerated(EnumType.STRING) Kind kind = Kind.PAPER;
    @CreationTimestamp Instant at;
    UUID code = UUID.randomUUID();
    @JdbcTypeCode(SqlTypes.JSON) Map<String, String> facts = new TreeMap<>();
    @ElementCollection Set<String> tags = new TreeSet<>();
  }

  /** The same table as Author, with one more column. */
  @Entity(name = "Author2") @Table(name = "h_authors")
  public static class Author2 {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    @Column(length = 40, nullable = false) String name;
    LocalDate born;
    @Version int version;
    String city;
  }

  interface Body { void run() throws Exception; }

  static int passed = 0, failed = 0;

  static void step(String name, Body body) {
    try {
      body.run();
      ++passed;
    } catch (Throwable error) {
      ++failed;
      Throwable cause = error;
      while (cause.getCause() != null) cause = cause.getCause();
      System.out.println("FAILED " + name + ": " + error + (cause == error ? "" : " <- " + cause));
    }
  }

  static void check(boolean holds, Object seen) {
    if (!holds) throw new AssertionError(String.valueOf(seen));
  }

  static SessionFactory factory(String action, Class<?>... entities) {
    String options = System.getenv("PGOPTIONS");
    String url = "jdbc:postgresql://" + System.getenv("MILLRACE_PG") + "/postgres"
        + (options == null || options.isEmpty() ? "" : "?options=" + java.net.URLEncoder.encode(options, java.nio.charset.StandardCharsets.UTF_8));
    Configuration configuration = new Configuration().setProperty("hibernate.connection.url", url)
        .setProperty("hibernate.connection.username", System.getenv("PGUSER")).setProperty("hibernate.connection.password", "x")
        .setProperty("hibernate.hbm2ddl.auto", action).setProperty("hibernate.hbm2ddl.halt_on_error", "true")
        .setProperty("hibernate.jdbc.batch_size", "20");
    for (Class<?> entity : entities) configuration.addAnnotatedClass(entity);
    return configuration.buildSessionFactory();
  }

  static void in(SessionFactory factory, Consumer<Session> body) {
    factory.inTransaction(body);
  }

  public static void main(String[] arguments) {
    SessionFactory[] kept = new SessionFactory[1];
    step("the schema is created", () -> kept[0] = factory("create", Author.class, Book.class));
    SessionFactory f = kept[0];
    step("entities are stored", () -> in(f, s -> {
      Author iqbal = new Author();
      iqbal.name = "Iqbal";
      iqbal.born = LocalDate.of(1877, 11, 9);
      for (String title : List.of("Asrar", "Bal", "Rumuz")) {
        Book book = new Book();
        book.title = title;
        book.price = new BigDecimal("3.50");
        book.author = iqbal;
        book.facts.put("lang", "fa");
        book.tags.addAll(List.of("poem", title));
        iqbal.books.add(book);
      }
      Author faiz = new Author();
      faiz.name = "Faiz";
      s.persist(iqbal);
      s.persist(faiz);
      s.flush();
      check(iqbal.id == 1 && faiz.id == 2, iqbal.id + " " + faiz.id);
    }));
    step("HQL reads them", () -> in(f, s -> {
      List<String> titles = s.createQuery("select b.title from Book b where b.author.name like 'Iq%' order by b.title desc", String.class).setMaxResults(2).getResultList();
      check(titles.equals(List.of("Rumuz", "Bal")), titles);
      Object[] row = s.createQuery("select a.name, count(b), sum(b.price) from Author a left join a.books b group by a.name having count(b) > 0", Object[].class).getSingleResult();
      check(row[0].equals("Iqbal") && row[1].equals(3L) && ((BigDecimal) row[2]).compareTo(new BigDecimal("10.50")) == 0, Arrays.toString(row));
      Author iqbal = s.createQuery("select a from Author a join fetch a.books where a.id = 1", Author.class).getSingleResult();
      check(iqbal.books.size() == 3 && iqbal.books.get(0).facts.get("lang").equals("fa") && iqbal.books.get(0).tags.size() == 2, iqbal.books.get(0).facts);
      check(iqbal.books.get(0).kind == Kind.PAPER && iqbal.books.get(0).at != null && iqbal.books.get(0).code != null, "values");
      check(s.createQuery("select b from Book b where 'Bal' member of b.tags", Book.class).getResultList().size() == 1, "member of");
      check(s.createNativeQuery("SELECT count(*) FROM h_books WHERE title ILIKE :t", Long.class).setParameter("t", "%A%").getSingleResult() == 2, "native");
    }));
    step("criteria read them", () -> in(f, s -> {
      var builder = s.getCriteriaBuilder();
      var query = builder.createQuery(Book.class);
      var book = query.from(Book.class);
      query.where(builder.and(builder.greaterThan(book.<BigDecimal>get("price"), BigDecimal.ONE), book.get("title").in("Bal", "Asrar"))).orderBy(builder.asc(book.get("title")));
      check(s.createQuery(query).setFirstResult(1).getResultList().get(0).title.equals("Bal"), "title");
    }));
    step("changes and their versions", () -> {
      in(f, s -> s.find(Author.class, 2L).name = "Faiz Ahmad Faiz");
      in(f, s -> check(s.find(Author.class, 2L).version == 1, s.find(Author.class, 2L).version));
      try {
        in(f, s -> {
          Author faiz = s.find(Author.class, 2L);
          in(f, other -> other.find(Author.class, 2L).born = LocalDate.of(1911, 2, 13));
          faiz.name = "nobody";
        });
        throw new IllegalStateException("the lost update was not noticed");
      } catch (OptimisticLockException error) {
        in(f, s -> check(s.find(Author.class, 2L).born != null, "born"));
      }
      in(f, s -> check(s.createMutationQuery("update Book set price = price * 2 where title = 'Bal'").executeUpdate() == 1, "update"));
      in(f, s -> s.find(Author.class, 1L).books.remove(0));
      in(f, s -> check(s.createQuery("select count(b) from Book b", Long.class).getSingleResult() == 2, "orphans"));
    });
    step("rows are locked", () -> in(f, s -> {
      check(s.find(Author.class, 1L, LockModeType.PESSIMISTIC_WRITE).name.equals("Iqbal"), "name");
      check(s.createQuery("select b from Book b order by b.id", Book.class).setLockMode(LockModeType.PESSIMISTIC_READ).getResultList().size() == 2, "books");
    }));
    step("upserts", () -> in(f, s -> check(
        s.createMutationQuery("insert into Author (id, name, version) values (1, 'Muhammad Iqbal', 0) on conflict (id) do update set name = excluded.name").executeUpdate() == 1, "upsert")));
    step("upserts leave other columns", () -> in(f, s -> check(s.find(Author.class, 1L).born != null && s.find(Author.class, 1L).name.equals("Muhammad Iqbal"), "author")));
    step("a rollback", () -> {
      try {
        in(f, s -> {
          Author lost = new Author();
          lost.name = "lost";
          s.persist(lost);
          s.flush();
          throw new UncheckedTimeout();
        });
      } catch (UncheckedTimeout expected) {
        in(f, s -> check(s.createQuery("select count(a) from Author a", Long.class).getSingleResult() == 2, "authors"));
      }
    });
    if (f != null) f.close();
    step("the schema is valid", () -> factory("validate", Author.class, Book.class).close());
    step("a column that is missing is reported", () -> {
      try {
        factory("validate", Author2.class).close();
        throw new IllegalStateException("it passed");
      } catch (RuntimeException error) {
        check(error.toString().contains("missing column [city]"), error);
      }
    });
    step("the schema is updated", () -> {
      factory("update", Author2.class).close();
      factory("validate", Author2.class).close();
    });
    step("the schema is dropped", () -> factory("create-drop", Author.class, Book.class).close());
    System.out.println(passed + " passed, " + failed + " failed, 0 skipped");
    System.exit(failed == 0 ? 0 : 1);
  }

  static class UncheckedTimeout extends RuntimeException {}
}
