// The columns of PostgreSQL 15's catalog, as pg_attribute of its own tables names them: a table with rows of ours has them all, so that
// queries of its tools find theirs. What there is none of here (triggers, policies, publications, ...) is a table without rows; views
// of what only a PostgreSQL server has (locks, statistics, replication) are not there.
#include "engine/system_tables/postgres_tables.h"

namespace engine {

// The letter behind a name is its type: b BOOLEAN, i INTEGER, l BIGINT, d DOUBLE, t VARCHAR, z TIMESTAMP; in upper case an array of these.
const std::span<const PostgresTable> kPostgresTables = [] {
  static constexpr PostgresTable kTables[] = {
      {"information_schema", "applicable_roles",
       "grantee:t role_name:t is_grantable:t"},
      {"information_schema", "character_sets",
       "character_set_catalog:t character_set_schema:t character_set_name:t character_repertoire:t form_of_use:t "
       "default_collate_catalog:t default_collate_schema:t default_collate_name:t"},
      {"information_schema", "check_constraints",
       "constraint_catalog:t constraint_schema:t constraint_name:t check_clause:t"},
      {"information_schema", "collations",
       "collation_catalog:t collation_schema:t collation_name:t pad_attribute:t"},
      {"information_schema", "column_privileges",
       "grantor:t grantee:t table_catalog:t table_schema:t table_name:t column_name:t privilege_type:t "
       "is_grantable:t"},
      {"information_schema", "columns",
       "table_catalog:t table_schema:t table_name:t column_name:t ordinal_position:i column_default:t is_nullable:t "
       "data_type:t character_maximum_length:i character_octet_length:i numeric_precision:i "
       "numeric_precision_radix:i numeric_scale:i datetime_precision:i interval_type:t interval_precision:i "
       "character_set_catalog:t character_set_schema:t character_set_name:t collation_catalog:t collation_schema:t "
       "collation_name:t domain_catalog:t domain_schema:t domain_name:t udt_catalog:t udt_schema:t udt_name:t "
       "scope_catalog:t scope_schema:t scope_name:t maximum_cardinality:i dtd_identifier:t is_self_referencing:t "
       "is_identity:t identity_generation:t identity_start:t identity_increment:t identity_maximum:t "
       "identity_minimum:t identity_cycle:t is_generated:t generation_expression:t is_updatable:t"},
      {"information_schema", "constraint_column_usage",
       "table_catalog:t table_schema:t table_name:t column_name:t constraint_catalog:t constraint_schema:t "
       "constraint_name:t"},
      {"information_schema", "constraint_table_usage",
       "table_catalog:t table_schema:t table_name:t constraint_catalog:t constraint_schema:t constraint_name:t"},
      {"information_schema", "domains",
       "domain_catalog:t domain_schema:t domain_name:t data_type:t character_maximum_length:i "
       "character_octet_length:i character_set_catalog:t character_set_schema:t character_set_name:t "
       "collation_catalog:t collation_schema:t collation_name:t numeric_precision:i numeric_precision_radix:i "
       "numeric_scale:i datetime_precision:i interval_type:t interval_precision:i domain_default:t udt_catalog:t "
       "udt_schema:t udt_name:t scope_catalog:t scope_schema:t scope_name:t maximum_cardinality:i dtd_identifier:t"},
      {"information_schema", "element_types",
       "object_catalog:t object_schema:t object_name:t object_type:t collection_type_identifier:t data_type:t "
       "character_maximum_length:i character_octet_length:i character_set_catalog:t character_set_schema:t "
       "character_set_name:t collation_catalog:t collation_schema:t collation_name:t numeric_precision:i "
       "numeric_precision_radix:i numeric_scale:i datetime_precision:i interval_type:t interval_precision:i "
       "domain_default:t udt_catalog:t udt_schema:t udt_name:t scope_catalog:t scope_schema:t scope_name:t "
       "maximum_cardinality:i dtd_identifier:t"},
      {"information_schema", "enabled_roles",
       "role_name:t"},
      {"information_schema", "information_schema_catalog_name",
       "catalog_name:t"},
      {"information_schema", "key_column_usage",
       "constraint_catalog:t constraint_schema:t constraint_name:t table_catalog:t table_schema:t table_name:t "
       "column_name:t ordinal_position:i position_in_unique_constraint:i"},
      {"information_schema", "parameters",
       "specific_catalog:t specific_schema:t specific_name:t ordinal_position:i parameter_mode:t is_result:t "
       "as_locator:t parameter_name:t data_type:t character_maximum_length:i character_octet_length:i "
       "character_set_catalog:t character_set_schema:t character_set_name:t collation_catalog:t collation_schema:t "
       "collation_name:t numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i "
       "interval_type:t interval_precision:i udt_catalog:t udt_schema:t udt_name:t scope_catalog:t scope_schema:t "
       "scope_name:t maximum_cardinality:i dtd_identifier:t parameter_default:t"},
      {"information_schema", "referential_constraints",
       "constraint_catalog:t constraint_schema:t constraint_name:t unique_constraint_catalog:t "
       "unique_constraint_schema:t unique_constraint_name:t match_option:t update_rule:t delete_rule:t"},
      {"information_schema", "role_table_grants",
       "grantor:t grantee:t table_catalog:t table_schema:t table_name:t privilege_type:t is_grantable:t "
       "with_hierarchy:t"},
      {"information_schema", "routines",
       "specific_catalog:t specific_schema:t specific_name:t routine_catalog:t routine_schema:t routine_name:t "
       "routine_type:t module_catalog:t module_schema:t module_name:t udt_catalog:t udt_schema:t udt_name:t "
       "data_type:t character_maximum_length:i character_octet_length:i character_set_catalog:t "
       "character_set_schema:t character_set_name:t collation_catalog:t collation_schema:t collation_name:t "
       "numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i interval_type:t "
       "interval_precision:i type_udt_catalog:t type_udt_schema:t type_udt_name:t scope_catalog:t scope_schema:t "
       "scope_name:t maximum_cardinality:i dtd_identifier:t routine_body:t routine_definition:t external_name:t "
       "external_language:t parameter_style:t is_deterministic:t sql_data_access:t is_null_call:t sql_path:t "
       "schema_level_routine:t max_dynamic_result_sets:i is_user_defined_cast:t is_implicitly_invocable:t "
       "security_type:t to_sql_specific_catalog:t to_sql_specific_schema:t to_sql_specific_name:t as_locator:t "
       "created:z last_altered:z new_savepoint_level:t is_udt_dependent:t result_cast_from_data_type:t "
       "result_cast_as_locator:t result_cast_char_max_length:i result_cast_char_octet_length:i "
       "result_cast_char_set_catalog:t result_cast_char_set_schema:t result_cast_char_set_name:t "
       "result_cast_collation_catalog:t result_cast_collation_schema:t result_cast_collation_name:t "
       "result_cast_numeric_precision:i result_cast_numeric_precision_radix:i result_cast_numeric_scale:i "
       "result_cast_datetime_precision:i result_cast_interval_type:t result_cast_interval_precision:i "
       "result_cast_type_udt_catalog:t result_cast_type_udt_schema:t result_cast_type_udt_name:t "
       "result_cast_scope_catalog:t result_cast_scope_schema:t result_cast_scope_name:t "
       "result_cast_maximum_cardinality:i result_cast_dtd_identifier:t"},
      {"information_schema", "schemata",
       "catalog_name:t schema_name:t schema_owner:t default_character_set_catalog:t default_character_set_schema:t "
       "default_character_set_name:t sql_path:t"},
      {"information_schema", "sequences",
       "sequence_catalog:t sequence_schema:t sequence_name:t data_type:t numeric_precision:i "
       "numeric_precision_radix:i numeric_scale:i start_value:t minimum_value:t maximum_value:t increment:t "
       "cycle_option:t"},
      {"information_schema", "table_constraints",
       "constraint_catalog:t constraint_schema:t constraint_name:t table_catalog:t table_schema:t table_name:t "
       "constraint_type:t is_deferrable:t initially_deferred:t enforced:t nulls_distinct:t"},
      {"information_schema", "table_privileges",
       "grantor:t grantee:t table_catalog:t table_schema:t table_name:t privilege_type:t is_grantable:t "
       "with_hierarchy:t"},
      {"information_schema", "tables",
       "table_catalog:t table_schema:t table_name:t table_type:t self_referencing_column_name:t "
       "reference_generation:t user_defined_type_catalog:t user_defined_type_schema:t user_defined_type_name:t "
       "is_insertable_into:t is_typed:t commit_action:t"},
      {"information_schema", "triggers",
       "trigger_catalog:t trigger_schema:t trigger_name:t event_manipulation:t event_object_catalog:t "
       "event_object_schema:t event_object_table:t action_order:i action_condition:t action_statement:t "
       "action_orientation:t action_timing:t action_reference_old_table:t action_reference_new_table:t "
       "action_reference_old_row:t action_reference_new_row:t created:z"},
      {"information_schema", "view_column_usage",
       "view_catalog:t view_schema:t view_name:t table_catalog:t table_schema:t table_name:t column_name:t"},
      {"information_schema", "view_table_usage",
       "view_catalog:t view_schema:t view_name:t table_catalog:t table_schema:t table_name:t"},
      {"information_schema", "views",
       "table_catalog:t table_schema:t table_name:t view_definition:t check_option:t is_updatable:t "
       "is_insertable_into:t is_trigger_updatable:t is_trigger_deletable:t is_trigger_insertable_into:t"},
      {"pg_catalog", "millrace_definitions",
       "oid:l definition:t indexdef:t"},
      {"pg_catalog", "pg_aggregate",
       "aggfnoid:t aggkind:t aggnumdirectargs:i aggtransfn:t aggfinalfn:t aggcombinefn:t aggserialfn:t "
       "aggdeserialfn:t aggmtransfn:t aggminvtransfn:t aggmfinalfn:t aggfinalextra:b aggmfinalextra:b "
       "aggfinalmodify:t aggmfinalmodify:t aggsortop:l aggtranstype:l aggtransspace:i aggmtranstype:l "
       "aggmtransspace:i agginitval:t aggminitval:t"},
      {"pg_catalog", "pg_am",
       "oid:l amname:t amhandler:t amtype:t"},
      {"pg_catalog", "pg_amop",
       "oid:l amopfamily:l amoplefttype:l amoprighttype:l amopstrategy:i amoppurpose:t amopopr:l amopmethod:l "
       "amopsortfamily:l"},
      {"pg_catalog", "pg_amproc",
       "oid:l amprocfamily:l amproclefttype:l amprocrighttype:l amprocnum:i amproc:t"},
      {"pg_catalog", "pg_attrdef",
       "oid:l adrelid:l adnum:i adbin:t"},
      {"pg_catalog", "pg_attribute",
       "attrelid:l attname:t atttypid:l attstattarget:i attlen:i attnum:i attndims:i attcacheoff:i atttypmod:i "
       "attbyval:b attalign:t attstorage:t attcompression:t attnotnull:b atthasdef:b atthasmissing:b attidentity:t "
       "attgenerated:t attisdropped:b attislocal:b attinhcount:i attcollation:l attacl:T attoptions:T "
       "attfdwoptions:T attmissingval:t"},
      {"pg_catalog", "pg_auth_members",
       "roleid:l member:l grantor:l admin_option:b"},
      {"pg_catalog", "pg_cast",
       "oid:l castsource:l casttarget:l castfunc:l castcontext:t castmethod:t"},
      {"pg_catalog", "pg_class",
       "oid:l relname:t relnamespace:l reltype:l reloftype:l relowner:l relam:l relfilenode:l reltablespace:l "
       "relpages:i reltuples:d relallvisible:i reltoastrelid:l relhasindex:b relisshared:b relpersistence:t "
       "relkind:t relnatts:i relchecks:i relhasrules:b relhastriggers:b relhassubclass:b relrowsecurity:b "
       "relforcerowsecurity:b relispopulated:b relreplident:t relispartition:b relrewrite:l relfrozenxid:l "
       "relminmxid:l relacl:T reloptions:T relpartbound:t"},
      {"pg_catalog", "pg_collation",
       "oid:l collname:t collnamespace:l collowner:l collprovider:t collisdeterministic:b collencoding:i "
       "collcollate:t collctype:t colliculocale:t collversion:t"},
      {"pg_catalog", "pg_constraint",
       "oid:l conname:t connamespace:l contype:t condeferrable:b condeferred:b convalidated:b conrelid:l contypid:l "
       "conindid:l conparentid:l confrelid:l confupdtype:t confdeltype:t confmatchtype:t conislocal:b coninhcount:i "
       "connoinherit:b conkey:I confkey:I conpfeqop:L conppeqop:L conffeqop:L confdelsetcols:I conexclop:L conbin:t"},
      {"pg_catalog", "pg_conversion",
       "oid:l conname:t connamespace:l conowner:l conforencoding:i contoencoding:i conproc:t condefault:b"},
      {"pg_catalog", "pg_database",
       "oid:l datname:t datdba:l encoding:i datlocprovider:t datistemplate:b datallowconn:b datconnlimit:i "
       "datfrozenxid:l datminmxid:l dattablespace:l datcollate:t datctype:t daticulocale:t datcollversion:t "
       "datacl:T"},
      {"pg_catalog", "pg_db_role_setting",
       "setdatabase:l setrole:l setconfig:T"},
      {"pg_catalog", "pg_default_acl",
       "oid:l defaclrole:l defaclnamespace:l defaclobjtype:t defaclacl:T"},
      {"pg_catalog", "pg_depend",
       "classid:l objid:l objsubid:i refclassid:l refobjid:l refobjsubid:i deptype:t"},
      {"pg_catalog", "pg_description",
       "objoid:l classoid:l objsubid:i description:t"},
      {"pg_catalog", "pg_enum",
       "oid:l enumtypid:l enumsortorder:d enumlabel:t"},
      {"pg_catalog", "pg_event_trigger",
       "oid:l evtname:t evtevent:t evtowner:l evtfoid:l evtenabled:t evttags:T"},
      {"pg_catalog", "pg_extension",
       "oid:l extname:t extowner:l extnamespace:l extrelocatable:b extversion:t extconfig:L extcondition:T"},
      {"pg_catalog", "pg_foreign_data_wrapper",
       "oid:l fdwname:t fdwowner:l fdwhandler:l fdwvalidator:l fdwacl:T fdwoptions:T"},
      {"pg_catalog", "pg_foreign_server",
       "oid:l srvname:t srvowner:l srvfdw:l srvtype:t srvversion:t srvacl:T srvoptions:T"},
      {"pg_catalog", "pg_foreign_table",
       "ftrelid:l ftserver:l ftoptions:T"},
      {"pg_catalog", "pg_get_keywords", "word:t catcode:t barelabel:b catdesc:t baredesc:t"},
      {"pg_catalog", "pg_index",
       "indexrelid:l indrelid:l indnatts:i indnkeyatts:i indisunique:b indnullsnotdistinct:b indisprimary:b "
       "indisexclusion:b indimmediate:b indisclustered:b indisvalid:b indcheckxmin:b indisready:b indislive:b "
       "indisreplident:b indkey:I indcollation:L indclass:L indoption:I indexprs:t indpred:t"},
      {"pg_catalog", "pg_indexes",
       "schemaname:t tablename:t indexname:t tablespace:t indexdef:t"},
      {"pg_catalog", "pg_inherits",
       "inhrelid:l inhparent:l inhseqno:i inhdetachpending:b"},
      {"pg_catalog", "pg_language",
       "oid:l lanname:t lanowner:l lanispl:b lanpltrusted:b lanplcallfoid:l laninline:l lanvalidator:l lanacl:T"},
      {"pg_catalog", "pg_matviews",
       "schemaname:t matviewname:t matviewowner:t tablespace:t hasindexes:b ispopulated:b definition:t"},
      {"pg_catalog", "pg_namespace",
       "oid:l nspname:t nspowner:l nspacl:T"},
      {"pg_catalog", "pg_opclass",
       "oid:l opcmethod:l opcname:t opcnamespace:l opcowner:l opcfamily:l opcintype:l opcdefault:b opckeytype:l"},
      {"pg_catalog", "pg_operator",
       "oid:l oprname:t oprnamespace:l oprowner:l oprkind:t oprcanmerge:b oprcanhash:b oprleft:l oprright:l "
       "oprresult:l oprcom:l oprnegate:l oprcode:l oprrest:t oprjoin:t"},
      {"pg_catalog", "pg_opfamily",
       "oid:l opfmethod:l opfname:t opfnamespace:l opfowner:l"},
      {"pg_catalog", "pg_partitioned_table",
       "partrelid:l partstrat:t partnatts:i partdefid:l partattrs:I partclass:L partcollation:L partexprs:t"},
      {"pg_catalog", "pg_policy",
       "oid:l polname:t polrelid:l polcmd:t polpermissive:b polroles:L polqual:t polwithcheck:t"},
      {"pg_catalog", "pg_proc",
       "oid:l proname:t pronamespace:l proowner:l prolang:l procost:d prorows:d provariadic:l prosupport:t "
       "prokind:t prosecdef:b proleakproof:b proisstrict:b proretset:b provolatile:t proparallel:t pronargs:i "
       "pronargdefaults:i prorettype:l proargtypes:L proallargtypes:L proargmodes:T proargnames:T proargdefaults:t "
       "protrftypes:L prosrc:t probin:t prosqlbody:t proconfig:T proacl:T mr_arguments:t mr_result:t"},
      {"pg_catalog", "pg_publication",
       "oid:l pubname:t pubowner:l puballtables:b pubinsert:b pubupdate:b pubdelete:b pubtruncate:b pubviaroot:b"},
      {"pg_catalog", "pg_publication_namespace",
       "oid:l pnpubid:l pnnspid:l"},
      {"pg_catalog", "pg_publication_rel",
       "oid:l prpubid:l prrelid:l prqual:t prattrs:I"},
      {"pg_catalog", "pg_range",
       "rngtypid:l rngsubtype:l rngmultitypid:l rngcollation:l rngsubopc:l rngcanonical:t rngsubdiff:t"},
      {"pg_catalog", "pg_rewrite",
       "oid:l rulename:t ev_class:l ev_type:t ev_enabled:t is_instead:b ev_qual:t ev_action:t"},
      {"pg_catalog", "millrace_rights",
       "mr_role:t mr_role_oid:l mr_table:t mr_oid:l mr_right:t"},
      {"pg_catalog", "pg_roles",
       "rolname:t rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b rolreplication:b "
       "rolconnlimit:i rolpassword:t rolvaliduntil:z rolbypassrls:b rolconfig:T oid:l"},
      {"pg_catalog", "pg_sequence",
       "seqrelid:l seqtypid:l seqstart:l seqincrement:l seqmax:l seqmin:l seqcache:l seqcycle:b"},
      {"pg_catalog", "pg_sequences",
       "schemaname:t sequencename:t sequenceowner:t data_type:t start_value:l min_value:l max_value:l "
       "increment_by:l cycle:b cache_size:l last_value:l"},
      {"pg_catalog", "pg_settings",
       "name:t setting:t unit:t category:t short_desc:t extra_desc:t context:t vartype:t source:t min_val:t "
       "max_val:t enumvals:T boot_val:t reset_val:t sourcefile:t sourceline:i pending_restart:b"},
      {"pg_catalog", "pg_shdescription",
       "objoid:l classoid:l description:t"},
      {"pg_catalog", "pg_statistic_ext",
       "oid:l stxrelid:l stxname:t stxnamespace:l stxowner:l stxstattarget:i stxkeys:I stxkind:T stxexprs:t"},
      {"pg_catalog", "pg_statistic_ext_data",
       "stxoid:l stxdinherit:b stxdndistinct:t stxddependencies:t stxdmcv:t stxdexpr:t"},
      {"pg_catalog", "pg_tables",
       "schemaname:t tablename:t tableowner:t tablespace:t hasindexes:b hasrules:b hastriggers:b rowsecurity:b"},
      {"pg_catalog", "pg_tablespace",
       "oid:l spcname:t spcowner:l spcacl:T spcoptions:T"},
      {"pg_catalog", "pg_trigger",
       "oid:l tgrelid:l tgparentid:l tgname:t tgfoid:l tgtype:i tgenabled:t tgisinternal:b tgconstrrelid:l "
       "tgconstrindid:l tgconstraint:l tgdeferrable:b tginitdeferred:b tgnargs:i tgattr:I tgargs:t tgqual:t "
       "tgoldtable:t tgnewtable:t"},
      {"pg_catalog", "pg_ts_config",
       "oid:l cfgname:t cfgnamespace:l cfgowner:l cfgparser:l"},
      {"pg_catalog", "pg_ts_config_map",
       "mapcfg:l maptokentype:i mapseqno:i mapdict:l"},
      {"pg_catalog", "pg_ts_dict",
       "oid:l dictname:t dictnamespace:l dictowner:l dicttemplate:l dictinitoption:t"},
      {"pg_catalog", "pg_ts_parser",
       "oid:l prsname:t prsnamespace:l prsstart:t prstoken:t prsend:t prsheadline:t prslextype:t"},
      {"pg_catalog", "pg_ts_template",
       "oid:l tmplname:t tmplnamespace:l tmplinit:t tmpllexize:t"},
      {"pg_catalog", "pg_type",
       "oid:l typname:t typnamespace:l typowner:l typlen:i typbyval:b typtype:t typcategory:t typispreferred:b "
       "typisdefined:b typdelim:t typrelid:l typsubscript:t typelem:l typarray:l typinput:t typoutput:t "
       "typreceive:t typsend:t typmodin:t typmodout:t typanalyze:t typalign:t typstorage:t typnotnull:b "
       "typbasetype:l typtypmod:i typndims:i typcollation:l typdefaultbin:t typdefault:t typacl:T mr_name:t"},
      {"pg_catalog", "pg_user",
       "usename:t usesysid:l usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:t valuntil:z useconfig:T"},
      {"pg_catalog", "pg_user_mapping",
       "oid:l umuser:l umserver:l umoptions:T"},
      {"pg_catalog", "pg_views",
       "schemaname:t viewname:t viewowner:t definition:t"},
  };
  return std::span<const PostgresTable>(kTables);
}();

}  // namespace engine
