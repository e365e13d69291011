import java.sql.*;
import java.util.*;

/** What DBeaver and its like ask DatabaseMetaData for. */
final class Metadata {
    static void run(String mode) {
        String prefix = "meta_" + mode.toLowerCase();
        Check.run(mode, "creates described tables", c -> Check.execute(c,
            "CREATE TABLE " + prefix + " (a INT, b TEXT NOT NULL, c NUMERIC(10, 2), d TIMESTAMP DEFAULT now(), e INT[], PRIMARY KEY (a, b))",
            "CREATE TABLE " + prefix + "_serial (id SERIAL PRIMARY KEY, s VARCHAR(20))",
            "COMMENT ON TABLE " + prefix + " IS 'described'", "COMMENT ON COLUMN " + prefix + ".c IS 'money'",
            "CREATE TYPE " + prefix + "_mood AS ENUM ('sad', 'ok')"));
        Check.run(mode, "getTables", c -> tables(c, prefix));
        Check.run(mode, "getColumns", c -> columns(c, prefix));
        Check.run(mode, "getPrimaryKeys", c -> keys(c, prefix));
        Check.run(mode, "getIndexInfo", c -> indexes(c, prefix));
        Check.run(mode, "getBestRowIdentifier", c -> Check.same(List.of("a|4", "b|12"),
            Check.rows(c.getMetaData().getBestRowIdentifier(null, "public", prefix, DatabaseMetaData.bestRowSession, false), "COLUMN_NAME", "DATA_TYPE")));
        Check.run(mode, "getSchemas", Metadata::schemas);
        Check.run(mode, "getCatalogs", c -> Check.that(Check.rows(c.getMetaData().getCatalogs()).contains("postgres"), "no postgres"));
        Check.run(mode, "getTableTypes", c -> Check.that(Check.rows(c.getMetaData().getTableTypes())
            .containsAll(List.of("TABLE", "VIEW", "MATERIALIZED VIEW")), "a type is missing"));
        Check.run(mode, "getTypeInfo", Metadata::types);
        Check.run(mode, "getUDTs", c -> Check.same(List.of(prefix, prefix + "_serial"), Check.rows(c.getMetaData().getUDTs(null, "public", prefix + "%",
            new int[] {Types.STRUCT}), "TYPE_NAME")));
        Check.run(mode, "getSQLKeywords", c -> Check.that(c.getMetaData().getSQLKeywords().contains("ilike"), c.getMetaData().getSQLKeywords()));
        Check.run(mode, "getFunctions", c -> Check.that(Check.rows(c.getMetaData().getFunctions(null, null, "upper"), "FUNCTION_NAME")
            .contains("upper"), "no upper"));
        Check.run(mode, "getFunctionColumns", c -> Check.rows(c.getMetaData().getFunctionColumns(null, null, "lower", null)));
        Check.run(mode, "getProcedures", c -> Check.rows(c.getMetaData().getProcedures(null, "public", "%")));
        Check.run(mode, "keys of others", c -> others(c, prefix));
        Check.run(mode, "rights", c -> Check.that(!Check.rows(c.getMetaData().getTablePrivileges(null, "public", prefix), "PRIVILEGE").isEmpty(),
            "no rights"));
        Check.run(mode, "of the server", Metadata::server);
        Check.run(mode, "getClientInfoProperties", c -> Check.same(List.of("ApplicationName"),
            Check.rows(c.getMetaData().getClientInfoProperties(), "NAME")));
    }

    private static void tables(Connection c, String prefix) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        Check.same(List.of("public|" + prefix + "|TABLE|described", "public|" + prefix + "_serial|TABLE|null"),
            Check.rows(m.getTables(null, "public", prefix + "%", new String[] {"TABLE"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"));
        Check.same(List.of(), Check.rows(m.getTables(null, null, "no_such%", null)));
        Check.that(Check.rows(m.getTables(null, null, "pg_class", null), "TABLE_TYPE").contains("SYSTEM TABLE"), "no pg_class");
        Check.that(!Check.rows(m.getTables(null, "pg_catalog", "%", new String[] {"SYSTEM TABLE"}), "TABLE_NAME").isEmpty(), "no catalog");
    }

    private static void columns(Connection c, String prefix) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        Check.same(List.of("a|4|int4|10|0|null|null|1|NO|NO", "b|12|text|2147483647|0|null|null|2|NO|NO",
                       "c|2|numeric|10|2|money|null|3|YES|NO", "d|93|timestamp|29|6|null|now()|4|YES|NO",
                       "e|2003|_int4|10|0|null|null|5|YES|NO"),
            Check.rows(m.getColumns(null, "public", prefix, "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS",
                "REMARKS", "COLUMN_DEF", "ORDINAL_POSITION", "IS_NULLABLE", "IS_AUTOINCREMENT"));
        Check.same(List.of("id|serial|YES", "s|varchar|NO"),
            Check.rows(m.getColumns(null, null, prefix + "\\_serial", null), "COLUMN_NAME", "TYPE_NAME", "IS_AUTOINCREMENT"));
        Check.same(List.of("c"), Check.rows(m.getColumns(null, null, prefix, "c"), "COLUMN_NAME"));
    }

    private static void keys(Connection c, String prefix) throws Exception {
        Check.same(List.of("a|1|" + prefix + "_pkey", "b|2|" + prefix + "_pkey"),
            Check.rows(c.getMetaData().getPrimaryKeys(null, "public", prefix), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"));
    }

    private static void indexes(Connection c, String prefix) throws Exception {
        Check.same(List.of("f|" + prefix + "_pkey|3|1|a|A", "f|" + prefix + "_pkey|3|2|b|A"),
            Check.rows(c.getMetaData().getIndexInfo(null, "public", prefix, true, false), "NON_UNIQUE", "INDEX_NAME", "TYPE",
                "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC"));
    }

    private static void schemas(Connection c) throws Exception {
        List<String> found = Check.rows(c.getMetaData().getSchemas(), "TABLE_SCHEM");
        Check.that(found.containsAll(List.of("information_schema", "pg_catalog", "public")), found);
        Check.same(List.of("public"), Check.rows(c.getMetaData().getSchemas(null, "publ%"), "TABLE_SCHEM"));
    }

    private static void types(Connection c) throws Exception {
        List<String> found = Check.rows(c.getMetaData().getTypeInfo(), "TYPE_NAME", "DATA_TYPE");
        for (String each : List.of("int4|4", "int8|-5", "text|12", "numeric|2", "bool|-7", "float8|8", "timestamptz|93", "date|91", "bytea|-2", "uuid|1111"))
            Check.that(found.contains(each), each + " is not in " + found);
    }

    private static void others(Connection c, String prefix) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        Check.same(List.of(), Check.rows(m.getImportedKeys(null, "public", prefix)));
        Check.same(List.of(), Check.rows(m.getExportedKeys(null, "public", prefix)));
        Check.same(List.of(), Check.rows(m.getCrossReference(null, "public", prefix, null, "public", prefix + "_serial")));
    }

    private static void server(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        Check.same("PostgreSQL", m.getDatabaseProductName());
        Check.same(15, m.getDatabaseMajorVersion());
        Check.same(63, m.getMaxColumnNameLength());
        Check.that(m.supportsTransactions() && m.storesLowerCaseIdentifiers(), "transactions, lower case");
        Check.that(m.getUserName().equals(System.getenv("PGUSER")), m.getUserName());
        for (String each : List.of(m.getNumericFunctions(), m.getStringFunctions(), m.getTimeDateFunctions(), m.getSystemFunctions()))
            Check.that(!each.isEmpty(), "no functions");
    }
}
