// Refuses the statements of PostgreSQL's grammar that are not supported. The error (0A000) names the statement; after a
// syntax error, the user would look for a typing error that does not exist.
#include <algorithm>
#include <iterator>
#include <string>

#include "engine/pgsql/convert.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

struct Refused {
  std::string_view kind;  // kind of node in the tree of libpg_query
  std::string_view what;  // the subject of "... not supported yet"
  std::string_view hint = {};
};
constexpr std::string_view kTriggerHint =
    "SELECT ... EMIT CHANGES, and LISTEN \"table:name\", follow the changes of a table.";
constexpr std::string_view kRightsHint =
    "Rights are GRANT SELECT, INSERT ON name TO role, and GRANT CREATE ON ALL TO role.";
constexpr std::string_view kFunctionHint =
    "Write its expression in the SELECT, or once in a view: CREATE VIEW v AS SELECT id, amount * "
    "0.2 AS tax FROM t. "
    "SHOW FUNCTIONS lists the built-in functions.";
constexpr std::string_view kProcedureHint =
    "SHOW FUNCTIONS lists the built-in functions. Client programs can implement procedures.";
constexpr std::string_view kForeignHint =
    "Use a topic to read data of another system: Kafka Connect can write it there.";
constexpr Refused kRefused[] = {
    {"AlterCollationStmt", "ALTER COLLATION is"},
    {"AlterDatabaseRefreshCollStmt", "ALTER DATABASE is"},
    {"AlterDatabaseSetStmt", "ALTER DATABASE ... SET is", "SET is for one session."},
    {"AlterDatabaseStmt", "ALTER DATABASE is",
     "There is only one database, and all names refer to it."},
    {"AlterDefaultPrivilegesStmt", "ALTER DEFAULT PRIVILEGES is",
     "GRANT ... ON ALL TO role also applies to objects that are created later."},
    {"AlterDomainStmt", "ALTER DOMAIN is", "DROP DOMAIN and CREATE DOMAIN make another one."},
    {"AlterEnumStmt", "ALTER TYPE is", "DROP TYPE and CREATE TYPE make another one."},
    {"AlterEventTrigStmt", "ALTER EVENT TRIGGER is"},
    {"AlterExtensionContentsStmt", "ALTER EXTENSION is"},
    {"AlterExtensionStmt", "ALTER EXTENSION is"},
    {"AlterFdwStmt", "ALTER FOREIGN DATA WRAPPER is"},
    {"AlterForeignServerStmt", "ALTER SERVER is"},
    {"AlterFunctionStmt", "ALTER FUNCTION is", kFunctionHint},
    {"AlterObjectDependsStmt", "ALTER ... DEPENDS ON EXTENSION is"},
    {"AlterObjectSchemaStmt", "ALTER ... SET SCHEMA is",
     "CREATE TABLE schema.name, and INSERT INTO it SELECT ... from the other."},
    {"AlterOpFamilyStmt", "ALTER OPERATOR FAMILY is"},
    {"AlterOperatorStmt", "ALTER OPERATOR is"},
    {"AlterOwnerStmt", "this ALTER ... OWNER TO is",
     "ALTER TABLE name OWNER TO role is supported."},
    {"AlterPolicyStmt", "ALTER POLICY is"},
    {"AlterPublicationStmt", "ALTER PUBLICATION is"},
    {"AlterRoleSetStmt", "ALTER ROLE ... SET is", "SET is for one session."},
    {"AlterStatsStmt", "ALTER STATISTICS is"},
    {"AlterSubscriptionStmt", "ALTER SUBSCRIPTION is"},
    {"AlterSystemStmt", "this ALTER SYSTEM is", "ALTER SYSTEM 'name' = 'value' sets a property."},
    {"AlterTSConfigurationStmt", "ALTER TEXT SEARCH CONFIGURATION is"},
    {"AlterTSDictionaryStmt", "ALTER TEXT SEARCH DICTIONARY is"},
    {"AlterTableMoveAllStmt", "ALTER TABLE ALL IN TABLESPACE is"},
    {"AlterTableSpaceOptionsStmt", "ALTER TABLESPACE is"},
    {"AlterTypeStmt", "ALTER TYPE is", "DROP TYPE and CREATE TYPE make another one."},
    {"AlterUserMappingStmt", "ALTER USER MAPPING is"},
    {"CallStmt", "CALL is", kProcedureHint},
    {"ClusterStmt", "CLUSTER is", "Rows are kept in the order of their keys."},
    {"CreateAmStmt", "CREATE ACCESS METHOD is"},
    {"CreateCastStmt", "CREATE CAST is"},
    {"CreateConversionStmt", "CREATE CONVERSION is"},
    {"CreateEventTrigStmt", "CREATE EVENT TRIGGER is", kTriggerHint},
    {"CreateExtensionStmt", "CREATE EXTENSION is",
     "gen_random_uuid() and uuid_generate_v4() are built in."},
    {"CreateFdwStmt", "CREATE FOREIGN DATA WRAPPER is", kForeignHint},
    {"CreateForeignServerStmt", "CREATE SERVER is", kForeignHint},
    {"CreateForeignTableStmt", "CREATE FOREIGN TABLE is", kForeignHint},
    {"CreateFunctionStmt", "CREATE FUNCTION is", kFunctionHint},
    {"CreateOpClassStmt", "CREATE OPERATOR CLASS is"},
    {"CreateOpFamilyStmt", "CREATE OPERATOR FAMILY is"},
    {"CreatePLangStmt", "CREATE LANGUAGE is"},
    {"CreatePolicyStmt", "CREATE POLICY is",
     "GRANT SELECT on a table of the rows that a role may read: CREATE TABLE name AS SELECT ... "
     "WHERE ..."},
    {"CreatePublicationStmt", "CREATE PUBLICATION is",
     "The changes of a table are the records of its topic, which Kafka clients can read."},
    {"CreateRangeStmt", "CREATE TYPE ... AS RANGE is"},
    {"CreateStatsStmt", "CREATE STATISTICS is"},
    {"CreateSubscriptionStmt", "CREATE SUBSCRIPTION is", kForeignHint},
    {"CreateTableSpaceStmt", "CREATE TABLESPACE is",
     "All data are in the directory of --data-dir."},
    {"CreateTransformStmt", "CREATE TRANSFORM is"},
    {"CreateTrigStmt", "CREATE TRIGGER is", kTriggerHint},
    {"CreateUserMappingStmt", "CREATE USER MAPPING is"},
    {"DefineStmt", "this CREATE is"},
    {"DoStmt", "DO is",
     "Send its statements one by one. Instead of an EXCEPTION clause, use IF NOT EXISTS and ON "
     "CONFLICT DO NOTHING."},
    {"DropOwnedStmt", "DROP OWNED is", "Use DROP TABLE, and REVOKE ALL ON ... FROM role."},
    {"DropSubscriptionStmt", "DROP SUBSCRIPTION is"},
    {"DropTableSpaceStmt", "DROP TABLESPACE is"},
    {"DropUserMappingStmt", "DROP USER MAPPING is"},
    {"GrantRoleStmt", "this GRANT or REVOKE of a role is",
     "GRANT role TO user by a superuser is supported."},
    {"GrantStmt", "this GRANT or REVOKE is", kRightsHint},
    {"ImportForeignSchemaStmt", "IMPORT FOREIGN SCHEMA is", kForeignHint},
    {"LoadStmt", "LOAD is"},
    {"LockStmt", "LOCK is", "SELECT ... FOR UPDATE keeps a table from changes by others."},
    {"MergeStmt", "MERGE is",
     "Use INSERT ... ON CONFLICT (key) DO UPDATE SET ... for a single key."},
    {"ReassignOwnedStmt", "REASSIGN OWNED is", "ALTER TABLE name OWNER TO role is supported."},
    {"RuleStmt", "CREATE RULE is", kTriggerHint},
    {"SecLabelStmt", "SECURITY LABEL is"},
};

// Returns the first words of the text in upper case: ALTER TABLE, or SET.
std::string first_words(std::string_view text) {
  std::string words;
  size_t count = 0;
  for (size_t at = 0; at < text.size() && count < 2; ++count) {
    size_t end = at;
    while (end < text.size() && is_ascii_letter(text[end])) ++end;
    if (end == at) break;
    words += (words.empty() ? "" : " ") + upper_case(text.substr(at, end - at));
    at = text.find_first_not_of(" \t\r\n", end);
  }
  return words;
}

Error refused_transaction(const Fields& fields, TextPosition at) {
  const std::string_view kind = fields.text("kind");
  if (kind == "TRANS_STMT_PREPARE")
    return Error{ErrorCode::ObjectState,
                 "prepared transactions are disabled",
                 {},
                 "COMMIT ends a transaction; transactions of several systems are not supported."}
        .at(at);
  if (kind == "TRANS_STMT_COMMIT_PREPARED" || kind == "TRANS_STMT_ROLLBACK_PREPARED")
    return Error{ErrorCode::UndefinedObject, "prepared transaction with identifier \"" +
                                                 std::string(fields.text("gid")) +
                                                 "\" does not exist"}
        .at(at);
  return not_supported("COMMIT and ROLLBACK with AND CHAIN are", at)
      .with_hint("Use COMMIT, and then BEGIN.");
}

}  // namespace

Error refused_statement(const Node& node, std::string_view text, TextPosition at) {
  if (node.kind == "TransactionStmt") return refused_transaction(node.fields, at);
  // The dialect has CREATE TABLE ... AS and COPY, too, and its parser reports their errors better.
  if (node.kind == "CreateTableAsStmt" || node.kind == "CopyStmt")
    return Error{ErrorCode::SyntaxError, "not a SELECT"};
  const auto row = std::ranges::find(kRefused, node.kind, &Refused::kind);
  if (row == std::end(kRefused))
    return not_supported("this form of " + first_words(text) + " is", at);
  // Sequelize sends this function for findOrCreate.
  if (text.find("sequelize_caught_exception") != text.npos)
    return not_supported(row->what, at)
        .with_hint(
            "Use Model.findCreateFind instead of findOrCreate; it sends INSERT ... ON CONFLICT DO "
            "NOTHING.");
  return Error(not_supported(row->what, at)).with_hint(std::string(row->hint));
}

}  // namespace engine::pgsql
