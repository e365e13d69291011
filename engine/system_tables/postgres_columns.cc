// The columns of PostgreSQL 15's catalog, as in pg_attribute of PostgreSQL's own tables. If
// Millrace has rows in a table, the table has all columns, because queries of PostgreSQL's tools
// may name any of them. For kinds of objects that Millrace does not have (triggers, policies,
// publications, ...), the tables have no rows.
#include "engine/system_tables/postgres_tables.h"

namespace engine {

// The letter after the colon is the type of the column: b boolean, s smallint, i integer, l bigint, f real, d double
// precision, t text, v varchar, n name, c "char", o oid, p pg_node_tree, a aclitem, g regproc, z timestamp with time
// zone, k xid, u tid, j pg_lsn, q regtype, e interval, h inet, m numeric, y bytea; an upper-case letter is an array of
// the type; w int2vector, x oidvector. Types that only ANALYZE fills (anyarray, pg_mcv_list, ...) are shown as text.
const std::span<const PostgresTable> kPostgresTables = [] {
  static constexpr PostgresTable kTables[] = {
      {"information_schema", "applicable_roles", "grantee:n role_name:n is_grantable:v"},
      {"information_schema", "character_sets",
       "character_set_catalog:n character_set_schema:n character_set_name:n character_repertoire:n "
       "form_of_use:n "
       "default_collate_catalog:n default_collate_schema:n default_collate_name:n"},
      {"information_schema", "check_constraints",
       "constraint_catalog:n constraint_schema:n constraint_name:n check_clause:v"},
      {"information_schema", "collations",
       "collation_catalog:n collation_schema:n collation_name:n pad_attribute:v"},
      {"information_schema", "column_privileges",
       "grantor:n grantee:n table_catalog:n table_schema:n table_name:n column_name:n "
       "privilege_type:v "
       "is_grantable:v"},
      {"information_schema", "columns",
       "table_catalog:n table_schema:n table_name:n column_name:n ordinal_position:i "
       "column_default:v is_nullable:v "
       "data_type:v character_maximum_length:i character_octet_length:i numeric_precision:i "
       "numeric_precision_radix:i numeric_scale:i datetime_precision:i interval_type:v "
       "interval_precision:i "
       "character_set_catalog:n character_set_schema:n character_set_name:n collation_catalog:n "
       "collation_schema:n "
       "collation_name:n domain_catalog:n domain_schema:n domain_name:n udt_catalog:n udt_schema:n "
       "udt_name:n "
       "scope_catalog:n scope_schema:n scope_name:n maximum_cardinality:i dtd_identifier:n "
       "is_self_referencing:v "
       "is_identity:v identity_generation:v identity_start:v identity_increment:v "
       "identity_maximum:v "
       "identity_minimum:v identity_cycle:v is_generated:v generation_expression:v is_updatable:v"},
      {"information_schema", "constraint_column_usage",
       "table_catalog:n table_schema:n table_name:n column_name:n constraint_catalog:n "
       "constraint_schema:n "
       "constraint_name:n"},
      {"information_schema", "constraint_table_usage",
       "table_catalog:n table_schema:n table_name:n constraint_catalog:n constraint_schema:n "
       "constraint_name:n"},
      {"information_schema", "domains",
       "domain_catalog:n domain_schema:n domain_name:n data_type:v character_maximum_length:i "
       "character_octet_length:i character_set_catalog:n character_set_schema:n "
       "character_set_name:n "
       "collation_catalog:n collation_schema:n collation_name:n numeric_precision:i "
       "numeric_precision_radix:i "
       "numeric_scale:i datetime_precision:i interval_type:v interval_precision:i domain_default:v "
       "udt_catalog:n "
       "udt_schema:n udt_name:n scope_catalog:n scope_schema:n scope_name:n maximum_cardinality:i "
       "dtd_identifier:n"},
      {"information_schema", "element_types",
       "object_catalog:n object_schema:n object_name:n object_type:v collection_type_identifier:n "
       "data_type:v "
       "character_maximum_length:i character_octet_length:i character_set_catalog:n "
       "character_set_schema:n "
       "character_set_name:n collation_catalog:n collation_schema:n collation_name:n "
       "numeric_precision:i "
       "numeric_precision_radix:i numeric_scale:i datetime_precision:i interval_type:v "
       "interval_precision:i "
       "domain_default:v udt_catalog:n udt_schema:n udt_name:n scope_catalog:n scope_schema:n "
       "scope_name:n "
       "maximum_cardinality:i dtd_identifier:n"},
      {"information_schema", "enabled_roles", "role_name:n"},
      {"information_schema", "information_schema_catalog_name", "catalog_name:n"},
      {"information_schema", "key_column_usage",
       "constraint_catalog:n constraint_schema:n constraint_name:n table_catalog:n table_schema:n "
       "table_name:n "
       "column_name:n ordinal_position:i position_in_unique_constraint:i"},
      {"information_schema", "parameters",
       "specific_catalog:n specific_schema:n specific_name:n ordinal_position:i parameter_mode:v "
       "is_result:v "
       "as_locator:v parameter_name:n data_type:v character_maximum_length:i "
       "character_octet_length:i "
       "character_set_catalog:n character_set_schema:n character_set_name:n collation_catalog:n "
       "collation_schema:n "
       "collation_name:n numeric_precision:i numeric_precision_radix:i numeric_scale:i "
       "datetime_precision:i "
       "interval_type:v interval_precision:i udt_catalog:n udt_schema:n udt_name:n scope_catalog:n "
       "scope_schema:n "
       "scope_name:n maximum_cardinality:i dtd_identifier:n parameter_default:v"},
      {"information_schema", "referential_constraints",
       "constraint_catalog:n constraint_schema:n constraint_name:n unique_constraint_catalog:n "
       "unique_constraint_schema:n unique_constraint_name:n match_option:v update_rule:v "
       "delete_rule:v"},
      {"information_schema", "role_table_grants",
       "grantor:n grantee:n table_catalog:n table_schema:n table_name:n privilege_type:v "
       "is_grantable:v "
       "with_hierarchy:v"},
      {"information_schema", "routines",
       "specific_catalog:n specific_schema:n specific_name:n routine_catalog:n routine_schema:n "
       "routine_name:n "
       "routine_type:v module_catalog:n module_schema:n module_name:n udt_catalog:n udt_schema:n "
       "udt_name:n "
       "data_type:v character_maximum_length:i character_octet_length:i character_set_catalog:n "
       "character_set_schema:n character_set_name:n collation_catalog:n collation_schema:n "
       "collation_name:n "
       "numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i "
       "interval_type:v "
       "interval_precision:i type_udt_catalog:n type_udt_schema:n type_udt_name:n scope_catalog:n "
       "scope_schema:n "
       "scope_name:n maximum_cardinality:i dtd_identifier:n routine_body:v routine_definition:v "
       "external_name:v "
       "external_language:v parameter_style:v is_deterministic:v sql_data_access:v is_null_call:v "
       "sql_path:v "
       "schema_level_routine:v max_dynamic_result_sets:i is_user_defined_cast:v "
       "is_implicitly_invocable:v "
       "security_type:v to_sql_specific_catalog:n to_sql_specific_schema:n to_sql_specific_name:n "
       "as_locator:v "
       "created:z last_altered:z new_savepoint_level:v is_udt_dependent:v "
       "result_cast_from_data_type:v "
       "result_cast_as_locator:v result_cast_char_max_length:i result_cast_char_octet_length:i "
       "result_cast_char_set_catalog:n result_cast_char_set_schema:n result_cast_char_set_name:n "
       "result_cast_collation_catalog:n result_cast_collation_schema:n "
       "result_cast_collation_name:n "
       "result_cast_numeric_precision:i result_cast_numeric_precision_radix:i "
       "result_cast_numeric_scale:i "
       "result_cast_datetime_precision:i result_cast_interval_type:v "
       "result_cast_interval_precision:i "
       "result_cast_type_udt_catalog:n result_cast_type_udt_schema:n result_cast_type_udt_name:n "
       "result_cast_scope_catalog:n result_cast_scope_schema:n result_cast_scope_name:n "
       "result_cast_maximum_cardinality:i result_cast_dtd_identifier:n"},
      {"information_schema", "schemata",
       "catalog_name:n schema_name:n schema_owner:n default_character_set_catalog:n "
       "default_character_set_schema:n "
       "default_character_set_name:n sql_path:v"},
      {"information_schema", "sequences",
       "sequence_catalog:n sequence_schema:n sequence_name:n data_type:v numeric_precision:i "
       "numeric_precision_radix:i numeric_scale:i start_value:v minimum_value:v maximum_value:v "
       "increment:v "
       "cycle_option:v"},
      {"information_schema", "table_constraints",
       "constraint_catalog:n constraint_schema:n constraint_name:n table_catalog:n table_schema:n "
       "table_name:n "
       "constraint_type:v is_deferrable:v initially_deferred:v enforced:v nulls_distinct:v"},
      {"information_schema", "table_privileges",
       "grantor:n grantee:n table_catalog:n table_schema:n table_name:n privilege_type:v "
       "is_grantable:v "
       "with_hierarchy:v"},
      {"information_schema", "tables",
       "table_catalog:n table_schema:n table_name:n table_type:v self_referencing_column_name:n "
       "reference_generation:v user_defined_type_catalog:n user_defined_type_schema:n "
       "user_defined_type_name:n "
       "is_insertable_into:v is_typed:v commit_action:v"},
      {"information_schema", "triggers",
       "trigger_catalog:n trigger_schema:n trigger_name:n event_manipulation:v "
       "event_object_catalog:n "
       "event_object_schema:n event_object_table:n action_order:i action_condition:v "
       "action_statement:v "
       "action_orientation:v action_timing:v action_reference_old_table:n "
       "action_reference_new_table:n "
       "action_reference_old_row:n action_reference_new_row:n created:z"},
      {"information_schema", "view_column_usage",
       "view_catalog:n view_schema:n view_name:n table_catalog:n table_schema:n table_name:n "
       "column_name:n"},
      {"information_schema", "view_table_usage",
       "view_catalog:n view_schema:n view_name:n table_catalog:n table_schema:n table_name:n"},
      {"information_schema", "views",
       "table_catalog:n table_schema:n table_name:n view_definition:v check_option:v "
       "is_updatable:v "
       "is_insertable_into:v is_trigger_updatable:v is_trigger_deletable:v "
       "is_trigger_insertable_into:v"},
      {"pg_catalog", "millrace_definitions", "oid:o definition:t indexdef:t"},
      {"pg_catalog", "pg_aggregate",
       "aggfnoid:g aggkind:c aggnumdirectargs:s aggtransfn:g aggfinalfn:g aggcombinefn:g "
       "aggserialfn:g "
       "aggdeserialfn:g aggmtransfn:g aggminvtransfn:g aggmfinalfn:g aggfinalextra:b "
       "aggmfinalextra:b "
       "aggfinalmodify:c aggmfinalmodify:c aggsortop:o aggtranstype:o aggtransspace:i "
       "aggmtranstype:o "
       "aggmtransspace:i agginitval:t aggminitval:t"},
      {"pg_catalog", "pg_am", "oid:o amname:n amhandler:g amtype:c"},
      {"pg_catalog", "pg_amop",
       "oid:o amopfamily:o amoplefttype:o amoprighttype:o amopstrategy:s amoppurpose:c amopopr:o "
       "amopmethod:o "
       "amopsortfamily:o"},
      {"pg_catalog", "pg_amproc",
       "oid:o amprocfamily:o amproclefttype:o amprocrighttype:o amprocnum:s amproc:g"},
      {"pg_catalog", "pg_attrdef", "oid:o adrelid:o adnum:s adbin:p mr_serial:t"},
      {"pg_catalog", "pg_attribute",
       "attrelid:o attname:n atttypid:o attstattarget:i attlen:s attnum:s attndims:i attcacheoff:i "
       "atttypmod:i "
       "attbyval:b attalign:c attstorage:c attcompression:c attnotnull:b atthasdef:b "
       "atthasmissing:b attidentity:c "
       "attgenerated:c attisdropped:b attislocal:b attinhcount:i attcollation:o attacl:A "
       "attoptions:T "
       "attfdwoptions:T attmissingval:t"},
      {"pg_catalog", "pg_auth_members", "roleid:o member:o grantor:o admin_option:b"},
      {"pg_catalog", "pg_cast",
       "oid:o castsource:o casttarget:o castfunc:o castcontext:c castmethod:c"},
      {"pg_catalog", "pg_class",
       "oid:o relname:n relnamespace:o reltype:o reloftype:o relowner:o relam:o relfilenode:o "
       "reltablespace:o "
       "relpages:i reltuples:f relallvisible:i reltoastrelid:o relhasindex:b relisshared:b "
       "relpersistence:c "
       "relkind:c relnatts:s relchecks:s relhasrules:b relhastriggers:b relhassubclass:b "
       "relrowsecurity:b "
       "relforcerowsecurity:b relispopulated:b relreplident:c relispartition:b relrewrite:o "
       "relfrozenxid:k "
       "relminmxid:k relacl:A reloptions:T relpartbound:p mr_visible:b"},
      {"pg_catalog", "pg_collation",
       "oid:o collname:n collnamespace:o collowner:o collprovider:c collisdeterministic:b "
       "collencoding:i "
       "collcollate:t collctype:t colliculocale:t collversion:t"},
      {"pg_catalog", "pg_constraint",
       "oid:o conname:n connamespace:o contype:c condeferrable:b condeferred:b convalidated:b "
       "conrelid:o contypid:o "
       "conindid:o conparentid:o confrelid:o confupdtype:c confdeltype:c confmatchtype:c "
       "conislocal:b coninhcount:i "
       "connoinherit:b conkey:S confkey:S conpfeqop:O conppeqop:O conffeqop:O confdelsetcols:S "
       "conexclop:O conbin:p"},
      {"pg_catalog", "pg_conversion",
       "oid:o conname:n connamespace:o conowner:o conforencoding:i contoencoding:i conproc:g "
       "condefault:b"},
      {"pg_catalog", "pg_database",
       "oid:o datname:n datdba:o encoding:i datlocprovider:c datistemplate:b datallowconn:b "
       "datconnlimit:i "
       "datfrozenxid:k datminmxid:k dattablespace:o datcollate:t datctype:t daticulocale:t "
       "datcollversion:t "
       "datacl:A"},
      {"pg_catalog", "pg_db_role_setting", "setdatabase:o setrole:o setconfig:T"},
      {"pg_catalog", "pg_default_acl",
       "oid:o defaclrole:o defaclnamespace:o defaclobjtype:c defaclacl:A"},
      {"pg_catalog", "pg_depend",
       "classid:o objid:o objsubid:i refclassid:o refobjid:o refobjsubid:i deptype:c"},
      {"pg_catalog", "pg_description", "objoid:o classoid:o objsubid:i description:t"},
      {"pg_catalog", "pg_enum", "oid:o enumtypid:o enumsortorder:f enumlabel:n"},
      {"pg_catalog", "pg_event_trigger",
       "oid:o evtname:n evtevent:n evtowner:o evtfoid:o evtenabled:c evttags:T"},
      {"pg_catalog", "pg_extension",
       "oid:o extname:n extowner:o extnamespace:o extrelocatable:b extversion:t extconfig:O "
       "extcondition:T"},
      {"pg_catalog", "pg_foreign_data_wrapper",
       "oid:o fdwname:n fdwowner:o fdwhandler:o fdwvalidator:o fdwacl:A fdwoptions:T"},
      {"pg_catalog", "pg_foreign_server",
       "oid:o srvname:n srvowner:o srvfdw:o srvtype:t srvversion:t srvacl:A srvoptions:T"},
      {"pg_catalog", "pg_foreign_table", "ftrelid:o ftserver:o ftoptions:T"},
      {"pg_catalog", "pg_get_keywords", "word:t catcode:t barelabel:b catdesc:t baredesc:t"},
      {"pg_catalog", "pg_index",
       "indexrelid:o indrelid:o indnatts:s indnkeyatts:s indisunique:b indnullsnotdistinct:b "
       "indisprimary:b "
       "indisexclusion:b indimmediate:b indisclustered:b indisvalid:b indcheckxmin:b indisready:b "
       "indislive:b "
       "indisreplident:b indkey:w indcollation:x indclass:x indoption:w indexprs:p indpred:p"},
      {"pg_catalog", "pg_indexes", "schemaname:n tablename:n indexname:n tablespace:n indexdef:t"},
      {"pg_catalog", "pg_inherits", "inhrelid:o inhparent:o inhseqno:i inhdetachpending:b"},
      {"pg_catalog", "pg_language",
       "oid:o lanname:n lanowner:o lanispl:b lanpltrusted:b lanplcallfoid:o laninline:o "
       "lanvalidator:o lanacl:A"},
      {"pg_catalog", "pg_largeobject_metadata", "oid:o lomowner:o lomacl:A"},
      {"pg_catalog", "pg_matviews",
       "schemaname:n matviewname:n matviewowner:n tablespace:n hasindexes:b ispopulated:b "
       "definition:t"},
      {"pg_catalog", "pg_namespace", "oid:o nspname:n nspowner:o nspacl:A"},
      {"pg_catalog", "pg_opclass",
       "oid:o opcmethod:o opcname:n opcnamespace:o opcowner:o opcfamily:o opcintype:o opcdefault:b "
       "opckeytype:o"},
      {"pg_catalog", "pg_operator",
       "oid:o oprname:n oprnamespace:o oprowner:o oprkind:c oprcanmerge:b oprcanhash:b oprleft:o "
       "oprright:o "
       "oprresult:o oprcom:o oprnegate:o oprcode:g oprrest:g oprjoin:g"},
      {"pg_catalog", "pg_opfamily", "oid:o opfmethod:o opfname:n opfnamespace:o opfowner:o"},
      {"pg_catalog", "pg_partitioned_table",
       "partrelid:o partstrat:c partnatts:s partdefid:o partattrs:w partclass:x partcollation:x "
       "partexprs:p"},
      {"pg_catalog", "pg_policy",
       "oid:o polname:n polrelid:o polcmd:c polpermissive:b polroles:O polqual:p polwithcheck:p"},
      {"pg_catalog", "pg_proc",
       "oid:o proname:n pronamespace:o proowner:o prolang:o procost:f prorows:f provariadic:o "
       "prosupport:g "
       "prokind:c prosecdef:b proleakproof:b proisstrict:b proretset:b provolatile:c proparallel:c "
       "pronargs:s "
       "pronargdefaults:s prorettype:o proargtypes:x proallargtypes:O proargmodes:C proargnames:T "
       "proargdefaults:p "
       "protrftypes:O prosrc:t probin:t prosqlbody:p proconfig:T proacl:A mr_arguments:t "
       "mr_result:t"},
      {"pg_catalog", "pg_publication",
       "oid:o pubname:n pubowner:o puballtables:b pubinsert:b pubupdate:b pubdelete:b "
       "pubtruncate:b pubviaroot:b"},
      {"pg_catalog", "pg_publication_namespace", "oid:o pnpubid:o pnnspid:o"},
      {"pg_catalog", "pg_publication_rel", "oid:o prpubid:o prrelid:o prqual:p prattrs:w"},
      {"pg_catalog", "pg_range",
       "rngtypid:o rngsubtype:o rngmultitypid:o rngcollation:o rngsubopc:o rngcanonical:g "
       "rngsubdiff:g"},
      {"pg_catalog", "pg_rewrite",
       "oid:o rulename:n ev_class:o ev_type:c ev_enabled:c is_instead:b ev_qual:p ev_action:p"},
      {"pg_catalog", "millrace_rights", "mr_role:t mr_role_oid:o mr_table:t mr_oid:o mr_right:t"},
      {"pg_catalog", "pg_roles",
       "rolname:n rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b "
       "rolreplication:b "
       "rolconnlimit:i rolpassword:t rolvaliduntil:z rolbypassrls:b rolconfig:T oid:o"},
      {"pg_catalog", "pg_sequence",
       "seqrelid:o seqtypid:o seqstart:l seqincrement:l seqmax:l seqmin:l seqcache:l seqcycle:b"},
      {"pg_catalog", "pg_sequences",
       "schemaname:n sequencename:n sequenceowner:n data_type:q start_value:l min_value:l "
       "max_value:l "
       "increment_by:l cycle:b cache_size:l last_value:l mr_name:t mr_key:t mr_table:t mr_column:t "
       "mr_position:l "
       "mr_called:b mr_log:l"},
      {"pg_catalog", "pg_settings",
       "name:t setting:t unit:t category:t short_desc:t extra_desc:t context:t vartype:t source:t "
       "min_val:t "
       "max_val:t enumvals:T boot_val:t reset_val:t sourcefile:t sourceline:i pending_restart:b"},
      {"pg_catalog", "pg_shdescription", "objoid:o classoid:o description:t"},
      {"pg_catalog", "pg_statistic_ext",
       "oid:o stxrelid:o stxname:n stxnamespace:o stxowner:o stxstattarget:i stxkeys:w stxkind:C "
       "stxexprs:p"},
      {"pg_catalog", "pg_statistic_ext_data",
       "stxoid:o stxdinherit:b stxdndistinct:t stxddependencies:t stxdmcv:t stxdexpr:t"},
      {"pg_catalog", "pg_subscription",
       "oid:o subdbid:o subskiplsn:j subname:n subowner:o subenabled:b subbinary:b substream:b "
       "subtwophasestate:c "
       "subdisableonerr:b subconninfo:t subslotname:n subsynccommit:t subpublications:T"},
      {"pg_catalog", "pg_subscription_rel", "srsubid:o srrelid:o srsubstate:c srsublsn:j"},
      {"pg_catalog", "pg_tables",
       "schemaname:n tablename:n tableowner:n tablespace:n hasindexes:b hasrules:b hastriggers:b "
       "rowsecurity:b"},
      {"pg_catalog", "pg_tablespace", "oid:o spcname:n spcowner:o spcacl:A spcoptions:T"},
      {"pg_catalog", "pg_trigger",
       "oid:o tgrelid:o tgparentid:o tgname:n tgfoid:o tgtype:s tgenabled:c tgisinternal:b "
       "tgconstrrelid:o "
       "tgconstrindid:o tgconstraint:o tgdeferrable:b tginitdeferred:b tgnargs:s tgattr:w tgargs:y "
       "tgqual:p "
       "tgoldtable:n tgnewtable:n"},
      {"pg_catalog", "pg_ts_config", "oid:o cfgname:n cfgnamespace:o cfgowner:o cfgparser:o"},
      {"pg_catalog", "pg_ts_config_map", "mapcfg:o maptokentype:i mapseqno:i mapdict:o"},
      {"pg_catalog", "pg_ts_dict",
       "oid:o dictname:n dictnamespace:o dictowner:o dicttemplate:o dictinitoption:t"},
      {"pg_catalog", "pg_ts_parser",
       "oid:o prsname:n prsnamespace:o prsstart:g prstoken:g prsend:g prsheadline:g prslextype:g"},
      {"pg_catalog", "pg_ts_template", "oid:o tmplname:n tmplnamespace:o tmplinit:g tmpllexize:g"},
      {"pg_catalog", "pg_type",
       "oid:o typname:n typnamespace:o typowner:o typlen:s typbyval:b typtype:c typcategory:c "
       "typispreferred:b "
       "typisdefined:b typdelim:c typrelid:o typsubscript:g typelem:o typarray:o typinput:g "
       "typoutput:g "
       "typreceive:g typsend:g typmodin:g typmodout:g typanalyze:g typalign:c typstorage:c "
       "typnotnull:b "
       "typbasetype:o typtypmod:i typndims:i typcollation:o typdefaultbin:p typdefault:t typacl:A "
       "mr_name:t"},
      {"pg_catalog", "pg_user",
       "usename:n usesysid:o usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:t valuntil:z "
       "useconfig:T"},
      {"pg_catalog", "pg_user_mapping", "oid:o umuser:o umserver:o umoptions:T"},
      {"pg_catalog", "pg_user_mappings", "umid:o srvid:o srvname:n umuser:o usename:n umoptions:T"},
      {"pg_catalog", "pg_views", "schemaname:n viewname:n viewowner:n definition:t"},
  };
  return std::span<const PostgresTable>(kTables);
}();

}  // namespace engine
