import java.sql.*;
import java.util.*;

/** Counts cases, and compares what comes with what should. */
final class Check {
    interface Body {
        void run(Connection connection) throws Exception;
    }

    private static int passed = 0;
    private static int failed = 0;

    static Connection connect(String mode, String... options) throws SQLException {
        String url = "jdbc:postgresql://" + System.getenv("MILLRACE_PG") + "/postgres?user=" + System.getenv("PGUSER") + "&preferQueryMode=" + mode;
        for (String option : options) url += "&" + option;
        return DriverManager.getConnection(url);
    }

    /** On a connection of its own, which options are for. */
    static void run(String mode, String name, Body body, String... options) {
        try (Connection connection = connect(mode, options)) {
            body.run(connection);
            ++passed;
        } catch (Throwable problem) {
            ++failed;
            System.out.println("FAILED " + name + " [" + mode + "]: " + problem);
            for (StackTraceElement at : problem.getStackTrace())
                if (at.getFileName() != null && !at.getClassName().contains(".") && !at.getClassName().startsWith("Check")) {
                    System.out.println("    at " + at);
                    break;
                }
        }
    }

    static void same(Object expected, Object found) {
        if (!Objects.deepEquals(expected, found)) throw new AssertionError("expected " + text(expected) + ", found " + text(found));
    }

    static void that(boolean holds, Object otherwise) {
        if (!holds) throw new AssertionError(String.valueOf(otherwise));
    }

    private static String text(Object value) {
        return value instanceof Object[] all ? Arrays.deepToString(all) : String.valueOf(value);
    }

    /** The rows, each as its cells' texts with | between them. */
    static List<String> rows(ResultSet result, String... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        while (result.next()) {
            StringJoiner row = new StringJoiner("|");
            if (columns.length == 0)
                for (int i = 1; i <= result.getMetaData().getColumnCount(); ++i) row.add(String.valueOf(result.getString(i)));
            else
                for (String column : columns) row.add(String.valueOf(result.getString(column)));
            rows.add(row.toString());
        }
        result.close();
        return rows;
    }

    static List<String> ask(Connection connection, String text) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return rows(statement.executeQuery(text));
        }
    }

    static void execute(Connection connection, String... texts) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String text : texts) statement.execute(text);
        }
    }

    /** The SQLSTATE of what fails. */
    static String failure(Connection connection, String text) {
        try (Statement statement = connection.createStatement()) {
            statement.execute(text);
            return "none";
        } catch (SQLException problem) {
            return problem.getSQLState();
        }
    }

    static void end() {
        System.out.println(passed + " passed, " + failed + " failed, 0 skipped");
        System.exit(failed == 0 ? 0 : 1);
    }
}
