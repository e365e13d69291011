import java.io.*;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

/** Batches, cursors, transactions, COPY, cancelling, errors. */
final class Statements {
    static void run(String mode) {
        String table = "orders_" + mode.toLowerCase();
        Check.run(mode, "creates orders", c -> Check.execute(c, "CREATE TABLE " + table
            + " (id INT PRIMARY KEY, city TEXT, amount NUMERIC(10, 2), at TIMESTAMP)"));
        Check.run(mode, "batch of parameters", c -> batch(c, table));
        Check.run(mode, "batch written as one", c -> batch(c, table), "reWriteBatchedInserts=true");
        Check.run(mode, "batch of texts", c -> batchOfTexts(c, table));
        Check.run(mode, "batch that fails", c -> batchThatFails(c, table));
        Check.run(mode, "queries", c -> queries(c, table));
        Check.run(mode, "prepared many times", c -> preparedManyTimes(c, table));
        Check.run(mode, "fetch size", c -> fetchSize(c, table));
        Check.run(mode, "scrollable", c -> scrollable(c, table));
        Check.run(mode, "updatable", c -> updatable(c, table));
        boolean isSimple = mode.equals("simple");  // the driver can then neither describe nor stop at a number of rows
        if (!isSimple) Check.run(mode, "max rows", c -> maxRows(c, table));
        Check.run(mode, "several statements", Statements::severalStatements);
        Check.run(mode, "transactions", c -> transactions(c, table));
        Check.run(mode, "savepoints", c -> savepoints(c, table));
        Check.run(mode, "autosave", c -> autosave(c, table), "autosave=always");
        Check.run(mode, "read only", c -> readOnly(c, table));
        Check.run(mode, "isolation", Statements::isolation);
        Check.run(mode, "returning and generated keys", c -> generatedKeys(c, "made_" + table));
        Check.run(mode, "COPY", c -> copy(c, table));
        Check.run(mode, "cancel", Statements::cancel);
        Check.run(mode, "query timeout", Statements::timeout);
        Check.run(mode, "notifications", Statements::notifications);
        Check.run(mode, "errors", c -> errors(c, table));
        if (!isSimple) Check.run(mode, "parameters' types", c -> parameterTypes(c, table));
        if (!isSimple) Check.run(mode, "tables of columns", c -> columnsOfTables(c, table));
        Check.run(mode, "update counts", c -> updateCounts(c, table));
        Check.run(mode, "a session's settings", Statements::settings, "ApplicationName=shop", "options=-c%20statement_timeout=12s");
        Check.run(mode, "discarded plans", c -> changedTable(c, "altered_" + table));
    }

    private static void fill(Connection c, String table, int count) throws SQLException {
        Check.execute(c, "DELETE FROM " + table);
        try (PreparedStatement s = c.prepareStatement("INSERT INTO " + table + " (id, city, amount, at) VALUES (?, ?, ?, ?)")) {
            for (int i = 0; i < count; ++i) {
                s.setInt(1, i);
                s.setString(2, i % 2 == 0 ? "Lahore" : "Karachi");
                s.setBigDecimal(3, java.math.BigDecimal.valueOf(i));
                s.setTimestamp(4, Timestamp.valueOf("2024-01-01 00:00:00"));
                s.addBatch();
            }
            int[] counts = s.executeBatch();
            Check.same(count, counts.length);
            for (int each : counts) Check.that(each == 1 || each == Statement.SUCCESS_NO_INFO, each);
        }
    }

    private static void batch(Connection c, String table) throws Exception {
        fill(c, table, 1000);
        Check.same(List.of("1000|499500.00"), Check.ask(c, "SELECT count(*), sum(amount) FROM " + table));
    }

    private static void batchOfTexts(Connection c, String table) throws Exception {
        fill(c, table, 3);
        try (Statement s = c.createStatement()) {
            s.addBatch("UPDATE " + table + " SET city = 'Quetta' WHERE id = 1");
            s.addBatch("DELETE FROM " + table + " WHERE id > 1");
            s.addBatch("INSERT INTO " + table + " (id) VALUES (7), (8)");
            Check.same(List.of(1, 1, 2), Arrays.stream(s.executeBatch()).boxed().toList());
        }
        Check.same(List.of("0", "1", "7", "8"), Check.ask(c, "SELECT id FROM " + table + " ORDER BY id"));
    }

    private static void batchThatFails(Connection c, String table) throws Exception {
        fill(c, table, 1);
        c.setAutoCommit(false);
        try (PreparedStatement s = c.prepareStatement("INSERT INTO " + table + " (id, amount) VALUES (?, 1 / CAST(? AS INT))")) {
            for (int divisor : new int[] {1, 0, 1}) {
                s.setInt(1, 10 + divisor);
                s.setInt(2, divisor);
                s.addBatch();
            }
            s.executeBatch();
            throw new AssertionError("the batch passes");
        } catch (BatchUpdateException problem) {
            Check.same("22012", problem.getSQLState());
        }
        c.rollback();
        Check.same(List.of("1"), Check.ask(c, "SELECT count(*) FROM " + table));
    }

    private static void queries(Connection c, String table) throws Exception {
        fill(c, table, 100);
        try (PreparedStatement s = c.prepareStatement("SELECT city, count(*) AS n FROM " + table
                 + " WHERE id < ? GROUP BY city HAVING count(*) > ? ORDER BY city LIMIT ? OFFSET ?")) {
            s.setInt(1, 11);
            s.setInt(2, 1);
            s.setInt(3, 5);
            s.setLong(4, 1);
            Check.same(List.of("Lahore|6"), Check.rows(s.executeQuery()));
        }
        try (PreparedStatement s = c.prepareStatement("SELECT a.id FROM " + table + " a JOIN " + table
                 + " b ON b.id = a.id + ? WHERE a.city IN (?, ?) ORDER BY a.id DESC LIMIT 2")) {
            s.setInt(1, 1);
            s.setString(2, "Lahore");
            s.setString(3, "Nowhere");
            Check.same(List.of("98", "96"), Check.rows(s.executeQuery()));
        }
    }

    private static void preparedManyTimes(Connection c, String table) throws Exception {
        fill(c, table, 20);
        try (PreparedStatement s = c.prepareStatement("SELECT amount, city FROM " + table + " WHERE id = ?")) {
            for (int i = 0; i < 20; ++i) {
                s.setInt(1, i);
                Check.same(List.of(i + ".00|" + (i % 2 == 0 ? "Lahore" : "Karachi")), Check.rows(s.executeQuery()));
            }
        }
    }

    private static void fetchSize(Connection c, String table) throws Exception {
        fill(c, table, 250);
        c.setAutoCommit(false);
        try (PreparedStatement s = c.prepareStatement("SELECT id FROM " + table + " WHERE id >= ? ORDER BY id")) {
            s.setFetchSize(40);
            s.setInt(1, 10);
            ResultSet r = s.executeQuery();
            for (int i = 10; i < 250; ++i) {
                Check.that(r.next(), "it ends at " + i);
                Check.same(i, r.getInt(1));
            }
            Check.that(!r.next(), "it does not end");
        }
        c.commit();
    }

    private static void scrollable(Connection c, String table) throws Exception {
        fill(c, table, 10);
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
            ResultSet r = s.executeQuery("SELECT id FROM " + table + " ORDER BY id");
            Check.that(r.last(), "no last");
            Check.same(9, r.getInt(1));
            Check.that(r.absolute(3) && r.previous(), "no third");
            Check.same(1, r.getInt(1));
        }
    }

    private static void updatable(Connection c, String table) throws Exception {
        fill(c, table, 10);
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet r = s.executeQuery("SELECT id, city FROM " + table + " WHERE id = 4");
            Check.that(r.next(), "no row");
            r.updateString("city", "Multan");
            r.updateRow();
            r.moveToInsertRow();
            r.updateInt("id", 40);
            r.updateString("city", "Hunza");
            r.insertRow();
        }
        Check.same(List.of("4|Multan", "40|Hunza"), Check.ask(c, "SELECT id, city FROM " + table + " WHERE id IN (4, 40) ORDER BY id"));
    }

    private static void maxRows(Connection c, String table) throws Exception {
        fill(c, table, 30);
        try (PreparedStatement s = c.prepareStatement("SELECT id FROM " + table)) {
            s.setMaxRows(7);
            Check.same(7, Check.rows(s.executeQuery()).size());
        }
    }

    private static void severalStatements(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            Check.that(s.execute("SELECT 1; SELECT 'a' AS x, 'b'; SELECT 3"), "no result");
            Check.same(List.of("1"), Check.rows(s.getResultSet()));
            Check.that(s.getMoreResults(), "no second");
            Check.same(List.of("a|b"), Check.rows(s.getResultSet()));
            Check.that(s.getMoreResults(), "no third");
            Check.that(!s.getMoreResults() && s.getUpdateCount() == -1, "a fourth");
        }
    }

    private static void transactions(Connection c, String table) throws Exception {
        fill(c, table, 0);
        c.setAutoCommit(false);
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (1)");
        try (Connection other = Check.connect("extended")) {
            Check.same(List.of("0"), Check.ask(other, "SELECT count(*) FROM " + table));
            c.commit();
            Check.same(List.of("1"), Check.ask(other, "SELECT count(*) FROM " + table));
        }
        Check.execute(c, "UPDATE " + table + " SET city = 'x'");
        Check.same(List.of("x"), Check.ask(c, "SELECT city FROM " + table));
        c.rollback();
        Check.same(List.of("null"), Check.ask(c, "SELECT city FROM " + table));
        c.commit();
        Check.same("42P01", Check.failure(c, "SELECT * FROM nothing_here"));
        Check.same("25P02", Check.failure(c, "SELECT 1"));
        c.rollback();
        Check.same(List.of("1"), Check.ask(c, "SELECT 1"));
    }

    private static void savepoints(Connection c, String table) throws Exception {
        fill(c, table, 0);
        c.setAutoCommit(false);
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (1)");
        Savepoint named = c.setSavepoint("first");
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (2)");
        Savepoint unnamed = c.setSavepoint();
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (3)");
        c.rollback(unnamed);
        Check.same(List.of("1", "2"), Check.ask(c, "SELECT id FROM " + table + " ORDER BY id"));
        c.rollback(named);
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (4)");
        c.releaseSavepoint(named);
        c.commit();
        Check.same(List.of("1", "4"), Check.ask(c, "SELECT id FROM " + table + " ORDER BY id"));
    }

    private static void autosave(Connection c, String table) throws Exception {
        fill(c, table, 0);
        c.setAutoCommit(false);
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (1)");
        Check.same("22012", Check.failure(c, "SELECT 1 / 0"));
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (2)");
        c.commit();
        Check.same(List.of("2"), Check.ask(c, "SELECT count(*) FROM " + table));
    }

    private static void readOnly(Connection c, String table) throws Exception {
        c.setReadOnly(true);
        c.setAutoCommit(false);
        Check.same("25006", Check.failure(c, "INSERT INTO " + table + " (id) VALUES (99)"));
        c.rollback();
        c.setReadOnly(false);
        Check.execute(c, "INSERT INTO " + table + " (id) VALUES (99)");
        c.rollback();
    }

    private static void isolation(Connection c) throws Exception {
        Check.same(Connection.TRANSACTION_READ_COMMITTED, c.getTransactionIsolation());
        c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        // The driver asks with SHOW, and Millrace reports the level in effect.
        boolean isInEffect = Check.ask(c, "SHOW transaction_isolation").equals(List.of("serializable"));
        Check.same(isInEffect ? Connection.TRANSACTION_SERIALIZABLE : Connection.TRANSACTION_READ_COMMITTED, c.getTransactionIsolation());
        Check.that(c.isValid(5), "it is not valid");
    }

    private static void generatedKeys(Connection c, String table) throws Exception {
        Check.execute(c, "CREATE TABLE " + table + " (id SERIAL PRIMARY KEY, s TEXT DEFAULT 'none')");
        try (PreparedStatement s = c.prepareStatement("INSERT INTO " + table + " (s) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            s.setString(1, "a");
            s.executeUpdate();
            Check.same(List.of("1|a"), Check.rows(s.getGeneratedKeys()));
        }
        try (PreparedStatement s = c.prepareStatement("INSERT INTO " + table + " (s) VALUES (?)", new String[] {"id"})) {
            for (String each : List.of("b", "c")) {
                s.setString(1, each);
                s.addBatch();
            }
            s.executeBatch();
            Check.same(List.of("2", "3"), Check.rows(s.getGeneratedKeys()));
        }
        Check.same(List.of("4|none"), Check.ask(c, "INSERT INTO " + table + " (s) VALUES (DEFAULT) RETURNING *"));
    }

    private static void copy(Connection c, String table) throws Exception {
        fill(c, table, 0);
        CopyManager copies = c.unwrap(PGConnection.class).getCopyAPI();
        Check.same(2L, copies.copyIn("COPY " + table + " (id, city, amount) FROM STDIN WITH (FORMAT csv, HEADER)",
            new StringReader("id,city,amount\n1,\"a,b\",1.50\n2,,2\n")));
        Check.same(1L, copies.copyIn("COPY " + table + " (id, city) FROM STDIN", new StringReader("3\t\\N\n")));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Check.same(3L, copies.copyOut("COPY (SELECT id, city, amount FROM " + table + " ORDER BY id) TO STDOUT", out));
        Check.same("1\ta,b\t1.50\n2\t\\N\t2.00\n3\t\\N\t\\N\n", out.toString(StandardCharsets.UTF_8));
        try {
            copies.copyIn("COPY " + table + " (id) FROM STDIN", new StringReader("4\nfour\n"));
            throw new AssertionError("a word is a number");
        } catch (SQLException problem) {
            Check.same("22P02", problem.getSQLState());
        }
        Check.same(List.of("3"), Check.ask(c, "SELECT count(*) FROM " + table));
    }

    private static void cancel(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    s.cancel();
                } catch (Exception problem) {
                    System.out.println(problem);
                }
            });
            canceller.start();
            try {
                s.executeQuery("SELECT pg_sleep(30)");
                throw new AssertionError("it sleeps to the end");
            } catch (SQLException problem) {
                Check.same("57014", problem.getSQLState());
            }
            canceller.join();
        }
        Check.same(List.of("1"), Check.ask(c, "SELECT 1"));
    }

    private static void timeout(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            s.executeQuery("SELECT pg_sleep(30)");
            throw new AssertionError("it sleeps to the end");
        } catch (SQLException problem) {
            Check.same("57014", problem.getSQLState());
        }
    }

    private static void notifications(Connection c) throws Exception {
        Check.execute(c, "LISTEN news");
        try (Connection other = Check.connect("extended")) {
            Check.execute(other, "NOTIFY news, 'hello'");
        }
        PGNotification[] got = c.unwrap(PGConnection.class).getNotifications(5000);
        Check.same(1, got == null ? 0 : got.length);
        Check.same("news hello", got[0].getName() + " " + got[0].getParameter());
    }

    private static void errors(Connection c, String table) throws Exception {
        Check.same("42P01", Check.failure(c, "SELECT * FROM not_there"));
        Check.same("42703", Check.failure(c, "SELECT nothing FROM " + table));
        Check.same("42601", Check.failure(c, "SELEC 1"));
        Check.same("22012", Check.failure(c, "SELECT 1 / 0"));
        Check.same("22P02", Check.failure(c, "SELECT 'x'::int"));
        Check.same("42883", Check.failure(c, "SELECT no_such_function(1)"));
        Check.same("42P07", Check.failure(c, "CREATE TABLE " + table + " (id INT PRIMARY KEY)"));
        Check.same("22007", Check.failure(c, "SELECT 'x'::date"));
    }

    private static void parameterTypes(Connection c, String table) throws Exception {
        try (PreparedStatement s = c.prepareStatement("INSERT INTO " + table + " (id, city, amount, at) VALUES (?, ?, ?, ?)")) {
            ParameterMetaData found = s.getParameterMetaData();
            Check.same(List.of(4, Types.INTEGER, Types.VARCHAR, Types.NUMERIC, Types.TIMESTAMP), List.of(found.getParameterCount(),
                found.getParameterType(1), found.getParameterType(2), found.getParameterType(3), found.getParameterType(4)));
        }
        try (PreparedStatement s = c.prepareStatement("SELECT id, amount AS total, city FROM " + table + " WHERE id = ?")) {
            ResultSetMetaData found = s.getMetaData();
            Check.same("id total city", found.getColumnName(1) + " " + found.getColumnLabel(2) + " " + found.getColumnName(3));
            Check.same("int4 numeric text", found.getColumnTypeName(1) + " " + found.getColumnTypeName(2) + " " + found.getColumnTypeName(3));
        }
    }

    private static void columnsOfTables(Connection c, String table) throws Exception {
        try (PreparedStatement s = c.prepareStatement("SELECT id, amount AS total, city FROM " + table + " WHERE id = ?")) {
            ResultSetMetaData found = s.getMetaData();
            Check.same(table, found.getTableName(1));
            Check.same(ResultSetMetaData.columnNoNulls, found.isNullable(1));
            Check.same(ResultSetMetaData.columnNullable, found.isNullable(2));
            Check.same(false, found.isAutoIncrement(1));
        }
    }

    private static void updateCounts(Connection c, String table) throws Exception {
        fill(c, table, 10);
        try (Statement s = c.createStatement()) {
            Check.same(5, s.executeUpdate("UPDATE " + table + " SET city = 'x' WHERE id < 5"));
            Check.same(2L, s.executeLargeUpdate("DELETE FROM " + table + " WHERE id >= 8"));
            Check.same(0, s.executeUpdate("DELETE FROM " + table + " WHERE id = 100"));
            Check.same(1, s.executeUpdate("INSERT INTO " + table + " (id, city) VALUES (0, 'y') ON CONFLICT (id) DO UPDATE SET city = excluded.city"));
            Check.same(0, s.executeUpdate("INSERT INTO " + table + " (id, city) VALUES (0, 'z') ON CONFLICT DO NOTHING"));
            Check.same(List.of("y"), Check.ask(c, "SELECT city FROM " + table + " WHERE id = 0"));
        }
    }

    private static void settings(Connection c) throws Exception {
        Check.same(List.of("shop"), Check.ask(c, "SHOW application_name"));
        Check.same(List.of("12s"), Check.ask(c, "SHOW statement_timeout"));
        c.setClientInfo("ApplicationName", "other");
        Check.same(List.of("other"), Check.ask(c, "SELECT current_setting('application_name')"));
        Check.same("public", c.getSchema());
        Check.same("postgres", c.getCatalog());
        c.setSchema("public");
        c.setNetworkTimeout(Runnable::run, 10_000);
    }

    private static void changedTable(Connection c, String table) throws Exception {
        Check.execute(c, "CREATE TABLE " + table + " (id INT PRIMARY KEY)", "INSERT INTO " + table + " VALUES (1)");
        try (PreparedStatement s = c.prepareStatement("SELECT * FROM " + table)) {
            for (int i = 0; i < 7; ++i) Check.same(List.of("1"), Check.rows(s.executeQuery()));
            Check.execute(c, "ALTER TABLE " + table + " ADD COLUMN s TEXT");
            Check.same(List.of("1|null"), Check.rows(s.executeQuery()));
        }
    }
}
