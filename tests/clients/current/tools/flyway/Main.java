import java.nio.file.*;
import java.sql.*;
import java.util.*;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.*;

/** Flyway's commands: info, migrate, validate, repair, baseline, clean, and a migration that fails. */
public class Main {
  interface Body { void run() throws Exception; }

  static final String URL = "jdbc:postgresql://" + System.getenv("MILLRACE_PG") + "/postgres";
  static final Path HERE = Path.of(System.getenv("HERE"));
  static int passed = 0, failed = 0;

  static void step(String name, Body body) {
    try {
      body.run();
      ++passed;
    } catch (Throwable error) {
      ++failed;
      System.out.println("FAILED " + name + ": " + error);
    }
  }

  static void check(boolean holds, Object seen) {
    if (!holds) throw new AssertionError(String.valueOf(seen));
  }

  static Flyway flyway(String... folders) {
    List<String> locations = new ArrayList<>();
    for (String folder : folders) locations.add("filesystem:" + HERE.resolve(folder));
    return Flyway.configure().dataSource(URL, System.getenv("PGUSER"), "").locations(locations.toArray(String[]::new)).cleanDisabled(false).load();
  }

  static String one(String statement) throws SQLException {
    try (Connection connection = DriverManager.getConnection(URL, System.getenv("PGUSER"), "");
         ResultSet rows = connection.createStatement().executeQuery(statement)) {
      return rows.next() ? rows.getString(1) : "no row";
    }
  }

  public static void main(String[] arguments) {
    step("info before the first migration", () -> check(flyway("sql").info().pending().length == 3, "pending"));
    step("four migrate at once", () -> {
      List<Throwable> problems = Collections.synchronizedList(new ArrayList<>());
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 4; ++i) {
        Thread thread = new Thread(() -> {
          try {
            flyway("sql").migrate();
          } catch (Throwable error) {
            problems.add(error);
          }
        });
        threads.add(thread);
        thread.start();
      }
      for (Thread thread : threads) thread.join();
      check(problems.isEmpty(), problems);
      check(one("SELECT count(*) FROM flyway_schema_history WHERE success").equals("3"), one("SELECT count(*) FROM flyway_schema_history"));
    });
    step("the rows of the migrations", () -> {
      check(one("SELECT phone FROM customers WHERE id = 2").equals("042-2"), "phone");
      check(one("SELECT total FROM totals WHERE customer_id = 1").equals("120.50"), one("SELECT total FROM totals WHERE customer_id = 1"));
    });
    step("validate, and nothing is repeated", () -> {
      flyway("sql").validate();
      check(flyway("sql").migrate().migrationsExecuted == 0, "executed");
      MigrationInfo current = flyway("sql").info().current();
      check(flyway("sql").info().applied().length == 3, current);
    });
    step("a migration that fails leaves nothing", () -> {
      try {
        flyway("sql", "later").migrate();
        throw new IllegalStateException("it passed");
      } catch (FlywayException error) {
        check(error.getMessage().toLowerCase().contains("not_there"), error.getMessage());
      }
      check(one("SELECT count(*) FROM more").equals("1"), "more");
      check(one("SELECT count(*) FROM pg_class WHERE relname = 'half'").equals("0"), "half");
      check(one("SELECT max(version) FROM flyway_schema_history").equals("3"), "version");
    });
    step("repair", () -> flyway("sql", "later").repair());
    step("clean", () -> {
      flyway("sql").clean();
      check(one("SELECT count(*) FROM pg_class WHERE relname IN ('orders', 'customers', 'totals')").equals("0"), "objects are left");
      check(flyway("sql").migrate().migrationsExecuted == 3, "executed");
    });
    System.out.println(passed + " passed, " + failed + " failed, 0 skipped");
    System.exit(failed == 0 ? 0 : 1);
  }
}
