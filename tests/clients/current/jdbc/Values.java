import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.util.*;

/** What goes in by a setter, and comes back by getters. */
final class Values {
    static void run(String mode) {
        String table = "values_" + mode.toLowerCase();
        Check.run(mode, "creates", c -> Check.execute(c, "CREATE TABLE " + table
            + " (id INT PRIMARY KEY, l BIGINT, h SMALLINT, f REAL, d DOUBLE PRECISION, n NUMERIC(12, 3), b BOOLEAN, s TEXT, v VARCHAR(20), x BYTEA,"
            + " day DATE, t TIME, ts TIMESTAMP, tz TIMESTAMPTZ, u UUID, j JSONB, i INT[], a TEXT[])"));
        Check.run(mode, "numbers", c -> numbers(c, table));
        Check.run(mode, "types of columns", c -> columnTypes(c, table));
        Check.run(mode, "texts", c -> texts(c, table));
        Check.run(mode, "bytes", c -> bytes(c, table));
        Check.run(mode, "dates of java.sql", c -> datesOfSql(c, table));
        Check.run(mode, "dates of java.time", c -> datesOfTime(c, table));
        Check.run(mode, "LocalDateTime", c -> localDateTimes(c, table));
        Check.run(mode, "with a calendar", c -> calendars(c, table));
        Check.run(mode, "nulls", c -> nulls(c, table));
        Check.run(mode, "uuid and json", c -> others(c, table));
        Check.run(mode, "arrays", c -> arrays(c, table));
        Check.run(mode, "where the value is", c -> comparisons(c, table));
        Check.run(mode, "interval", c -> intervals(c));
        Check.run(mode, "of binary transfer", c -> datesOfTime(c, table), "binaryTransfer=true", "prepareThreshold=-1");
    }

    private static PreparedStatement insert(Connection connection, String table, String... columns) throws SQLException {
        Check.execute(connection, "DELETE FROM " + table);
        return connection.prepareStatement("INSERT INTO " + table + " (id, " + String.join(", ", columns) + ") VALUES (1"
            + ", ?".repeat(columns.length) + ")");
    }

    private static ResultSet only(Connection connection, String table) throws SQLException {
        ResultSet result = connection.prepareStatement("SELECT * FROM " + table + " WHERE id = 1").executeQuery();
        Check.that(result.next(), "no row");
        return result;
    }

    private static void numbers(Connection c, String table) throws Exception {
        try (PreparedStatement s = insert(c, table, "l", "h", "f", "d", "n", "b")) {
            s.setLong(1, Long.MIN_VALUE);
            s.setShort(2, (short) -7);
            s.setFloat(3, 1.5f);
            s.setDouble(4, Math.PI);
            s.setBigDecimal(5, new BigDecimal("-123456789.125"));
            s.setBoolean(6, true);
            Check.same(1, s.executeUpdate());
        }
        ResultSet r = only(c, table);
        Check.same(1, r.getInt("id"));
        Check.same(Long.MIN_VALUE, r.getLong("l"));
        Check.same((short) -7, r.getShort("h"));
        Check.same(1.5f, r.getFloat("f"));
        Check.same(Math.PI, r.getDouble("d"));
        Check.same(new BigDecimal("-123456789.125"), r.getBigDecimal("n"));
        Check.same(true, r.getBoolean("b"));
        Check.same(Long.class, r.getObject("l").getClass());
        Check.same(BigDecimal.class, r.getObject("n").getClass());
        Check.same(Types.NUMERIC, r.getMetaData().getColumnType(r.findColumn("n")));
        Check.same(12, r.getMetaData().getPrecision(r.findColumn("n")));
        Check.same(3, r.getMetaData().getScale(r.findColumn("n")));
    }

    private static void columnTypes(Connection c, String table) throws Exception {
        try (PreparedStatement s = insert(c, table, "h", "f")) {
            s.setShort(1, (short) 1);
            s.setFloat(2, 1);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same("int4 int8 int2 float4 float8 numeric bool text varchar bytea date time timestamp timestamptz uuid jsonb _int4 _text",
            String.join(" ", names(r.getMetaData())));
        Check.same(20, r.getMetaData().getPrecision(r.findColumn("v")));
    }

    private static List<String> names(ResultSetMetaData found) throws SQLException {
        List<String> names = new ArrayList<>();
        for (int i = 1; i <= found.getColumnCount(); ++i) names.add(found.getColumnTypeName(i));
        return names;
    }

    private static void texts(Connection c, String table) throws Exception {
        try (PreparedStatement s = insert(c, table, "s", "v")) {
            s.setString(1, "it's \\ grüße \u4e16 \ud83d\ude00");
            s.setObject(2, "short", Types.VARCHAR);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same("it's \\ grüße \u4e16 \ud83d\ude00", r.getString("s"));
        Check.same("short", r.getString("v"));
        Check.same("it's", new java.io.BufferedReader(r.getCharacterStream("s")).readLine().substring(0, 4));
    }

    private static void bytes(Connection c, String table) throws Exception {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; ++i) all[i] = (byte) i;
        try (PreparedStatement s = insert(c, table, "x")) {
            s.setBytes(1, all);
            s.executeUpdate();
        }
        Check.same(all, only(c, table).getBytes("x"));
        try (PreparedStatement s = insert(c, table, "x")) {
            s.setBinaryStream(1, new java.io.ByteArrayInputStream(all), all.length);
            s.executeUpdate();
        }
        Check.same(all, only(c, table).getBinaryStream("x").readAllBytes());
    }

    private static void datesOfSql(Connection c, String table) throws Exception {
        java.sql.Date day = java.sql.Date.valueOf("2024-02-29");
        Time time = Time.valueOf("13:14:15");
        Timestamp at = Timestamp.valueOf("2024-02-29 13:14:15.123");
        try (PreparedStatement s = insert(c, table, "day", "t", "ts", "tz")) {
            s.setDate(1, day);
            s.setTime(2, time);
            s.setTimestamp(3, at);
            s.setTimestamp(4, at);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same(day, r.getDate("day"));
        Check.same(time, r.getTime("t"));
        Check.same(at, r.getTimestamp("ts"));
        Check.same(at, r.getTimestamp("tz"));
        Check.same("2024-02-29", r.getString("day"));
        Check.same("13:14:15", r.getString("t"));
    }

    private static void datesOfTime(Connection c, String table) throws Exception {
        LocalDate day = LocalDate.of(1969, 12, 31);
        LocalTime time = LocalTime.of(23, 59, 58, 7_000_000);
        OffsetDateTime zoned = LocalDateTime.of(2024, 2, 29, 1, 2, 3, 456_000_000).atOffset(ZoneOffset.ofHours(5));
        try (PreparedStatement s = insert(c, table, "day", "t", "tz")) {
            s.setObject(1, day);
            s.setObject(2, time);
            s.setObject(3, zoned);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same(day, r.getObject("day", LocalDate.class));
        Check.same(time, r.getObject("t", LocalTime.class));
        Check.same(zoned.toInstant(), r.getObject("tz", OffsetDateTime.class).toInstant());
    }

    private static void localDateTimes(Connection c, String table) throws Exception {
        LocalDateTime at = LocalDateTime.of(2024, 2, 29, 1, 2, 3, 456_000_000);
        try (PreparedStatement s = insert(c, table, "ts")) {
            s.setObject(1, at);
            s.executeUpdate();
        }
        Check.same(at, only(c, table).getObject("ts", LocalDateTime.class));
    }

    private static void calendars(Connection c, String table) throws Exception {
        Calendar far = Calendar.getInstance(TimeZone.getTimeZone("Asia/Karachi"));
        Timestamp at = new Timestamp(1_700_000_000_000L);
        try (PreparedStatement s = insert(c, table, "ts", "tz")) {
            s.setTimestamp(1, at, far);
            s.setTimestamp(2, at, far);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same(at, r.getTimestamp("ts", far));
        Check.same(at, r.getTimestamp("tz"));
        Check.same("2023-11-15 03:13:20", r.getString("ts"));
    }

    private static void nulls(Connection c, String table) throws Exception {
        try (PreparedStatement s = insert(c, table, "l", "s", "day", "tz", "x", "u", "d", "b")) {
            s.setNull(1, Types.BIGINT);
            s.setNull(2, Types.VARCHAR);
            s.setDate(3, null);
            s.setTimestamp(4, null);
            s.setBytes(5, null);
            s.setObject(6, null);
            s.setNull(7, Types.NULL);
            s.setNull(8, Types.BOOLEAN);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        for (String column : List.of("l", "s", "day", "tz", "x", "u", "d", "b")) Check.same(null, r.getObject(column));
        Check.same(0L, r.getLong("l"));
        Check.that(r.wasNull(), "wasNull");
        Check.same(List.of("1"), Check.ask(c, "SELECT id FROM " + table + " WHERE l IS NULL"));
    }

    private static void others(Connection c, String table) throws Exception {
        UUID id = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
        PGobject json = new PGobject();
        json.setType("jsonb");
        json.setValue("{\"a\": [1, 2]}");
        try (PreparedStatement s = insert(c, table, "u", "j")) {
            s.setObject(1, id);
            s.setObject(2, json);
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same(id, r.getObject("u"));
        Check.same("{\"a\": [1, 2]}", r.getString("j"));
    }

    private static void arrays(Connection c, String table) throws Exception {
        try (PreparedStatement s = insert(c, table, "i", "a")) {
            s.setArray(1, c.createArrayOf("int4", new Integer[] {3, null, -1}));
            s.setObject(2, new String[] {"a,b", "\"c\"", "", null});
            s.executeUpdate();
        }
        ResultSet r = only(c, table);
        Check.same(new Integer[] {3, null, -1}, r.getArray("i").getArray());
        Check.same(new String[] {"a,b", "\"c\"", "", null}, r.getArray("a").getArray());
        Check.same(Types.INTEGER, r.getArray("i").getBaseType());
        try (PreparedStatement s = c.prepareStatement("SELECT id FROM " + table + " WHERE id = ANY (?)")) {
            s.setArray(1, c.createArrayOf("int4", new Integer[] {1, 2}));
            Check.same(List.of("1"), Check.rows(s.executeQuery()));
        }
    }

    private static void comparisons(Connection c, String table) throws Exception {
        try (PreparedStatement s = insert(c, table, "day", "ts", "tz", "n", "s")) {
            s.setObject(1, LocalDate.of(2024, 5, 6));
            s.setObject(2, LocalDateTime.of(2024, 5, 6, 7, 8));
            s.setObject(3, OffsetDateTime.parse("2024-05-06T07:08:00Z"));
            s.setBigDecimal(4, new BigDecimal("2.5"));
            s.setString(5, "abc");
            s.executeUpdate();
        }
        Map<String, Object> wheres = new LinkedHashMap<>();
        wheres.put("day = ?", java.sql.Date.valueOf("2024-05-06"));
        wheres.put("day <= ?", LocalDate.of(2024, 5, 6));
        wheres.put("ts = ?", Timestamp.valueOf("2024-05-06 07:08:00"));
        wheres.put("ts > ?", LocalDateTime.of(2024, 5, 6, 7, 7));
        wheres.put("tz = ?", OffsetDateTime.parse("2024-05-06T09:08:00+02:00"));
        wheres.put("n = ?", new BigDecimal("2.50"));
        wheres.put("n < ?", 3);
        wheres.put("s LIKE ?", "a%");
        wheres.put("upper(s) = ?", "ABC");
        wheres.put("id = ?", 1L);
        wheres.put("coalesce(l, 0) + ? > 4", 5);
        for (Map.Entry<String, Object> each : wheres.entrySet())
            try (PreparedStatement s = c.prepareStatement("SELECT id FROM " + table + " WHERE " + each.getKey())) {
                s.setObject(1, each.getValue());
                Check.same(each.getKey() + List.of("1"), each.getKey() + Check.rows(s.executeQuery()));
            }
    }

    private static void intervals(Connection c) throws Exception {
        try (PreparedStatement s = c.prepareStatement("SELECT ?::interval AS i, DATE '2024-01-31' + ? AS d")) {
            s.setObject(1, new PGInterval(0, 0, 1, 2, 3, 4.5));
            s.setObject(2, new PGInterval("1 day"));
            ResultSet r = s.executeQuery();
            Check.that(r.next(), "no row");
            Check.same(new PGInterval(0, 0, 1, 2, 3, 4.5), r.getObject("i"));
            Check.same(Timestamp.valueOf("2024-02-01 00:00:00"), r.getTimestamp("d"));
        }
    }
}
