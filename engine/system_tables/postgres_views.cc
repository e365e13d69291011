// The columns of those relations of PostgreSQL 15 in which Millrace has no rows, or rows with few columns:
// statistics, locks, privileges of objects that Millrace does not have, foreign data, replication. Tools query these
// relations when they connect, and continue with an empty answer. postgres_columns.cc explains the letters.
#include "engine/system_tables/postgres_tables.h"

namespace engine {

const std::span<const PostgresTable> kPostgresViews = [] {
  static constexpr PostgresTable kTables[] = {
      {"information_schema", "_pg_foreign_data_wrappers",
       "oid:o fdwowner:o fdwoptions:T foreign_data_wrapper_catalog:n "
       "foreign_data_wrapper_name:n authorization_identifier:n foreign_data_wrapper_language:v"},
      {"information_schema", "_pg_foreign_servers",
       "oid:o srvoptions:T foreign_server_catalog:n foreign_server_name:n "
       "foreign_data_wrapper_catalog:n foreign_data_wrapper_name:n foreign_server_type:v "
       "foreign_server_version:v authorization_identifier:n"},
      {"information_schema", "_pg_foreign_table_columns",
       "nspname:n relname:n attname:n attfdwoptions:T"},
      {"information_schema", "_pg_foreign_tables",
       "foreign_table_catalog:n foreign_table_schema:n foreign_table_name:n ftoptions:T "
       "foreign_server_catalog:n foreign_server_name:n authorization_identifier:n"},
      {"information_schema", "_pg_user_mappings",
       "oid:o umoptions:T umuser:o authorization_identifier:n foreign_server_catalog:n "
       "foreign_server_name:n srvowner:n"},
      {"information_schema", "administrable_role_authorizations",
       "grantee:n role_name:n is_grantable:v"},
      {"information_schema", "attributes",
       "udt_catalog:n udt_schema:n udt_name:n attribute_name:n ordinal_position:i "
       "attribute_default:v is_nullable:v data_type:v character_maximum_length:i "
       "character_octet_length:i character_set_catalog:n character_set_schema:n "
       "character_set_name:n collation_catalog:n collation_schema:n collation_name:n "
       "numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i "
       "interval_type:v interval_precision:i attribute_udt_catalog:n attribute_udt_schema:n "
       "attribute_udt_name:n scope_catalog:n scope_schema:n scope_name:n maximum_cardinality:i "
       "dtd_identifier:n is_derived_reference_attribute:v"},
      {"information_schema", "check_constraint_routine_usage",
       "constraint_catalog:n constraint_schema:n constraint_name:n specific_catalog:n "
       "specific_schema:n specific_name:n"},
      {"information_schema", "collation_character_set_applicability",
       "collation_catalog:n collation_schema:n collation_name:n character_set_catalog:n "
       "character_set_schema:n character_set_name:n"},
      {"information_schema", "column_column_usage",
       "table_catalog:n table_schema:n table_name:n column_name:n dependent_column:n"},
      {"information_schema", "column_domain_usage",
       "domain_catalog:n domain_schema:n domain_name:n table_catalog:n table_schema:n "
       "table_name:n column_name:n"},
      {"information_schema", "column_options",
       "table_catalog:n table_schema:n table_name:n column_name:n option_name:n option_value:v"},
      {"information_schema", "column_udt_usage",
       "udt_catalog:n udt_schema:n udt_name:n table_catalog:n table_schema:n table_name:n "
       "column_name:n"},
      {"information_schema", "data_type_privileges",
       "object_catalog:n object_schema:n object_name:n object_type:v dtd_identifier:n"},
      {"information_schema", "domain_constraints",
       "constraint_catalog:n constraint_schema:n constraint_name:n domain_catalog:n "
       "domain_schema:n domain_name:n is_deferrable:v initially_deferred:v"},
      {"information_schema", "domain_udt_usage",
       "udt_catalog:n udt_schema:n udt_name:n domain_catalog:n domain_schema:n domain_name:n"},
      {"information_schema", "foreign_data_wrapper_options",
       "foreign_data_wrapper_catalog:n foreign_data_wrapper_name:n option_name:n "
       "option_value:v"},
      {"information_schema", "foreign_data_wrappers",
       "foreign_data_wrapper_catalog:n foreign_data_wrapper_name:n authorization_identifier:n "
       "library_name:v foreign_data_wrapper_language:v"},
      {"information_schema", "foreign_server_options",
       "foreign_server_catalog:n foreign_server_name:n option_name:n option_value:v"},
      {"information_schema", "foreign_servers",
       "foreign_server_catalog:n foreign_server_name:n foreign_data_wrapper_catalog:n "
       "foreign_data_wrapper_name:n foreign_server_type:v foreign_server_version:v "
       "authorization_identifier:n"},
      {"information_schema", "foreign_table_options",
       "foreign_table_catalog:n foreign_table_schema:n foreign_table_name:n option_name:n "
       "option_value:v"},
      {"information_schema", "foreign_tables",
       "foreign_table_catalog:n foreign_table_schema:n foreign_table_name:n "
       "foreign_server_catalog:n foreign_server_name:n"},
      {"information_schema", "role_column_grants",
       "grantor:n grantee:n table_catalog:n table_schema:n table_name:n column_name:n "
       "privilege_type:v is_grantable:v"},
      {"information_schema", "role_routine_grants",
       "grantor:n grantee:n specific_catalog:n specific_schema:n specific_name:n "
       "routine_catalog:n routine_schema:n routine_name:n privilege_type:v is_grantable:v"},
      {"information_schema", "role_udt_grants",
       "grantor:n grantee:n udt_catalog:n udt_schema:n udt_name:n privilege_type:v "
       "is_grantable:v"},
      {"information_schema", "role_usage_grants",
       "grantor:n grantee:n object_catalog:n object_schema:n object_name:n object_type:v "
       "privilege_type:v is_grantable:v"},
      {"information_schema", "routine_column_usage",
       "specific_catalog:n specific_schema:n specific_name:n routine_catalog:n "
       "routine_schema:n routine_name:n table_catalog:n table_schema:n table_name:n "
       "column_name:n"},
      {"information_schema", "routine_privileges",
       "grantor:n grantee:n specific_catalog:n specific_schema:n specific_name:n "
       "routine_catalog:n routine_schema:n routine_name:n privilege_type:v is_grantable:v"},
      {"information_schema", "routine_routine_usage",
       "specific_catalog:n specific_schema:n specific_name:n routine_catalog:n "
       "routine_schema:n routine_name:n"},
      {"information_schema", "routine_sequence_usage",
       "specific_catalog:n specific_schema:n specific_name:n routine_catalog:n "
       "routine_schema:n routine_name:n sequence_catalog:n sequence_schema:n sequence_name:n"},
      {"information_schema", "routine_table_usage",
       "specific_catalog:n specific_schema:n specific_name:n routine_catalog:n "
       "routine_schema:n routine_name:n table_catalog:n table_schema:n table_name:n"},
      {"information_schema", "sql_features",
       "feature_id:v feature_name:v sub_feature_id:v sub_feature_name:v is_supported:v "
       "is_verified_by:v comments:v"},
      {"information_schema", "sql_implementation_info",
       "implementation_info_id:v implementation_info_name:v integer_value:i character_value:v "
       "comments:v"},
      {"information_schema", "sql_parts",
       "feature_id:v feature_name:v is_supported:v is_verified_by:v comments:v"},
      {"information_schema", "sql_sizing",
       "sizing_id:i sizing_name:v supported_value:i comments:v"},
      {"information_schema", "transforms",
       "udt_catalog:n udt_schema:n udt_name:n specific_catalog:n specific_schema:n "
       "specific_name:n group_name:n transform_type:v"},
      {"information_schema", "triggered_update_columns",
       "trigger_catalog:n trigger_schema:n trigger_name:n event_object_catalog:n "
       "event_object_schema:n event_object_table:n event_object_column:n"},
      {"information_schema", "udt_privileges",
       "grantor:n grantee:n udt_catalog:n udt_schema:n udt_name:n privilege_type:v "
       "is_grantable:v"},
      {"information_schema", "usage_privileges",
       "grantor:n grantee:n object_catalog:n object_schema:n object_name:n object_type:v "
       "privilege_type:v is_grantable:v"},
      {"information_schema", "user_defined_types",
       "user_defined_type_catalog:n user_defined_type_schema:n user_defined_type_name:n "
       "user_defined_type_category:v is_instantiable:v is_final:v ordering_form:v "
       "ordering_category:v ordering_routine_catalog:n ordering_routine_schema:n "
       "ordering_routine_name:n reference_type:v data_type:v character_maximum_length:i "
       "character_octet_length:i character_set_catalog:n character_set_schema:n "
       "character_set_name:n collation_catalog:n collation_schema:n collation_name:n "
       "numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i "
       "interval_type:v interval_precision:i source_dtd_identifier:n ref_dtd_identifier:n"},
      {"information_schema", "user_mapping_options",
       "authorization_identifier:n foreign_server_catalog:n foreign_server_name:n "
       "option_name:n option_value:v"},
      {"information_schema", "user_mappings",
       "authorization_identifier:n foreign_server_catalog:n foreign_server_name:n"},
      {"information_schema", "view_routine_usage",
       "table_catalog:n table_schema:n table_name:n specific_catalog:n specific_schema:n "
       "specific_name:n"},
      {"pg_catalog", "pg_authid",
       "oid:o rolname:n rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b "
       "rolreplication:b rolbypassrls:b rolconnlimit:i rolpassword:t rolvaliduntil:z"},
      {"pg_catalog", "pg_available_extension_versions",
       "name:n version:t installed:b superuser:b trusted:b relocatable:b schema:n requires:N "
       "comment:t"},
      {"pg_catalog", "pg_available_extensions",
       "name:n default_version:t installed_version:t comment:t"},
      {"pg_catalog", "pg_backend_memory_contexts",
       "name:t ident:t parent:t level:i total_bytes:l total_nblocks:l free_bytes:l "
       "free_chunks:l used_bytes:l"},
      {"pg_catalog", "pg_config", "name:t setting:t"},
      {"pg_catalog", "pg_cursors",
       "name:t statement:t is_holdable:b is_binary:b is_scrollable:b creation_time:z"},
      {"pg_catalog", "pg_file_settings",
       "sourcefile:t sourceline:i seqno:i name:t setting:t applied:b error:t"},
      {"pg_catalog", "pg_group", "groname:n grosysid:o grolist:O"},
      {"pg_catalog", "pg_hba_file_rules",
       "line_number:i type:t database:T user_name:T address:t netmask:t auth_method:t "
       "options:T error:t"},
      {"pg_catalog", "pg_ident_file_mappings",
       "line_number:i map_name:t sys_name:t pg_username:t error:t"},
      {"pg_catalog", "pg_init_privs", "objoid:o classoid:o objsubid:i privtype:c initprivs:A"},
      {"pg_catalog", "pg_largeobject", "loid:o pageno:i data:y"},
      {"pg_catalog", "pg_locks",
       "locktype:t database:o relation:o page:i tuple:s virtualxid:t transactionid:k classid:o "
       "objid:o objsubid:s virtualtransaction:t pid:i mode:t granted:b fastpath:b waitstart:z"},
      {"pg_catalog", "pg_parameter_acl", "oid:o parname:t paracl:A"},
      {"pg_catalog", "pg_policies",
       "schemaname:n tablename:n policyname:n permissive:t roles:N cmd:t qual:t with_check:t"},
      {"pg_catalog", "pg_prepared_statements",
       "name:t statement:t prepare_time:z parameter_types:Q from_sql:b generic_plans:l "
       "custom_plans:l"},
      {"pg_catalog", "pg_prepared_xacts", "transaction:k gid:t prepared:z owner:n database:n"},
      {"pg_catalog", "pg_publication_tables",
       "pubname:n schemaname:n tablename:n attnames:N rowfilter:t"},
      {"pg_catalog", "pg_replication_origin", "roident:o roname:t"},
      {"pg_catalog", "pg_replication_origin_status",
       "local_id:o external_id:t remote_lsn:j local_lsn:j"},
      {"pg_catalog", "pg_replication_slots",
       "slot_name:n plugin:n slot_type:t datoid:o database:n temporary:b active:b active_pid:i "
       "xmin:k catalog_xmin:k restart_lsn:j confirmed_flush_lsn:j wal_status:t safe_wal_size:l "
       "two_phase:b"},
      {"pg_catalog", "pg_rules", "schemaname:n tablename:n rulename:n definition:t"},
      {"pg_catalog", "pg_seclabel", "objoid:o classoid:o objsubid:i provider:t label:t"},
      {"pg_catalog", "pg_seclabels",
       "objoid:o classoid:o objsubid:i objtype:t objnamespace:o objname:t provider:t label:t"},
      {"pg_catalog", "pg_shadow",
       "usename:n usesysid:o usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:t "
       "valuntil:z useconfig:T"},
      {"pg_catalog", "pg_shdepend",
       "dbid:o classid:o objid:o objsubid:i refclassid:o refobjid:o deptype:c"},
      {"pg_catalog", "pg_shmem_allocations", "name:t off:l size:l allocated_size:l"},
      {"pg_catalog", "pg_shseclabel", "objoid:o classoid:o provider:t label:t"},
      {"pg_catalog", "pg_stat_activity",
       "datid:o datname:n pid:i leader_pid:i usesysid:o usename:n application_name:t "
       "client_addr:h client_hostname:t client_port:i backend_start:z xact_start:z "
       "query_start:z state_change:z wait_event_type:t wait_event:t state:t backend_xid:k "
       "backend_xmin:k query_id:l query:t backend_type:t"},
      {"pg_catalog", "pg_stat_all_indexes",
       "relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_scan:l idx_tup_read:l "
       "idx_tup_fetch:l"},
      {"pg_catalog", "pg_stat_all_tables",
       "relid:o schemaname:n relname:n seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l "
       "n_tup_ins:l n_tup_upd:l n_tup_del:l n_tup_hot_upd:l n_live_tup:l n_dead_tup:l "
       "n_mod_since_analyze:l n_ins_since_vacuum:l last_vacuum:z last_autovacuum:z "
       "last_analyze:z last_autoanalyze:z vacuum_count:l autovacuum_count:l analyze_count:l "
       "autoanalyze_count:l"},
      {"pg_catalog", "pg_stat_archiver",
       "archived_count:l last_archived_wal:t last_archived_time:z failed_count:l "
       "last_failed_wal:t last_failed_time:z stats_reset:z"},
      {"pg_catalog", "pg_stat_bgwriter",
       "checkpoints_timed:l checkpoints_req:l checkpoint_write_time:d checkpoint_sync_time:d "
       "buffers_checkpoint:l buffers_clean:l maxwritten_clean:l buffers_backend:l "
       "buffers_backend_fsync:l buffers_alloc:l stats_reset:z"},
      {"pg_catalog", "pg_stat_database",
       "datid:o datname:n numbackends:i xact_commit:l xact_rollback:l blks_read:l blks_hit:l "
       "tup_returned:l tup_fetched:l tup_inserted:l tup_updated:l tup_deleted:l conflicts:l "
       "temp_files:l temp_bytes:l deadlocks:l checksum_failures:l checksum_last_failure:z "
       "blk_read_time:d blk_write_time:d session_time:d active_time:d "
       "idle_in_transaction_time:d sessions:l sessions_abandoned:l sessions_fatal:l "
       "sessions_killed:l stats_reset:z"},
      {"pg_catalog", "pg_stat_database_conflicts",
       "datid:o datname:n confl_tablespace:l confl_lock:l confl_snapshot:l confl_bufferpin:l "
       "confl_deadlock:l"},
      {"pg_catalog", "pg_stat_gssapi", "pid:i gss_authenticated:b principal:t encrypted:b"},
      {"pg_catalog", "pg_stat_progress_analyze",
       "pid:i datid:o datname:n relid:o phase:t sample_blks_total:l sample_blks_scanned:l "
       "ext_stats_total:l ext_stats_computed:l child_tables_total:l child_tables_done:l "
       "current_child_table_relid:o"},
      {"pg_catalog", "pg_stat_progress_basebackup",
       "pid:i phase:t backup_total:l backup_streamed:l tablespaces_total:l "
       "tablespaces_streamed:l"},
      {"pg_catalog", "pg_stat_progress_cluster",
       "pid:i datid:o datname:n relid:o command:t phase:t cluster_index_relid:o "
       "heap_tuples_scanned:l heap_tuples_written:l heap_blks_total:l heap_blks_scanned:l "
       "index_rebuild_count:l"},
      {"pg_catalog", "pg_stat_progress_copy",
       "pid:i datid:o datname:n relid:o command:t type:t bytes_processed:l bytes_total:l "
       "tuples_processed:l tuples_excluded:l"},
      {"pg_catalog", "pg_stat_progress_create_index",
       "pid:i datid:o datname:n relid:o index_relid:o command:t phase:t lockers_total:l "
       "lockers_done:l current_locker_pid:l blocks_total:l blocks_done:l tuples_total:l "
       "tuples_done:l partitions_total:l partitions_done:l"},
      {"pg_catalog", "pg_stat_progress_vacuum",
       "pid:i datid:o datname:n relid:o phase:t heap_blks_total:l heap_blks_scanned:l "
       "heap_blks_vacuumed:l index_vacuum_count:l max_dead_tuples:l num_dead_tuples:l"},
      {"pg_catalog", "pg_stat_recovery_prefetch",
       "stats_reset:z prefetch:l hit:l skip_init:l skip_new:l skip_fpw:l skip_rep:l "
       "wal_distance:i block_distance:i io_depth:i"},
      {"pg_catalog", "pg_stat_replication",
       "pid:i usesysid:o usename:n application_name:t client_addr:h client_hostname:t "
       "client_port:i backend_start:z backend_xmin:k state:t sent_lsn:j write_lsn:j "
       "flush_lsn:j replay_lsn:j write_lag:e flush_lag:e replay_lag:e sync_priority:i "
       "sync_state:t reply_time:z"},
      {"pg_catalog", "pg_stat_replication_slots",
       "slot_name:t spill_txns:l spill_count:l spill_bytes:l stream_txns:l stream_count:l "
       "stream_bytes:l total_txns:l total_bytes:l stats_reset:z"},
      {"pg_catalog", "pg_stat_slru",
       "name:t blks_zeroed:l blks_hit:l blks_read:l blks_written:l blks_exists:l flushes:l "
       "truncates:l stats_reset:z"},
      {"pg_catalog", "pg_stat_ssl",
       "pid:i ssl:b version:t cipher:t bits:i client_dn:t client_serial:m issuer_dn:t"},
      {"pg_catalog", "pg_stat_subscription",
       "subid:o subname:n pid:i relid:o received_lsn:j last_msg_send_time:z "
       "last_msg_receipt_time:z latest_end_lsn:j latest_end_time:z"},
      {"pg_catalog", "pg_stat_subscription_stats",
       "subid:o subname:n apply_error_count:l sync_error_count:l stats_reset:z"},
      {"pg_catalog", "pg_stat_sys_indexes",
       "relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_scan:l idx_tup_read:l "
       "idx_tup_fetch:l"},
      {"pg_catalog", "pg_stat_sys_tables",
       "relid:o schemaname:n relname:n seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l "
       "n_tup_ins:l n_tup_upd:l n_tup_del:l n_tup_hot_upd:l n_live_tup:l n_dead_tup:l "
       "n_mod_since_analyze:l n_ins_since_vacuum:l last_vacuum:z last_autovacuum:z "
       "last_analyze:z last_autoanalyze:z vacuum_count:l autovacuum_count:l analyze_count:l "
       "autoanalyze_count:l"},
      {"pg_catalog", "pg_stat_user_functions",
       "funcid:o schemaname:n funcname:n calls:l total_time:d self_time:d"},
      {"pg_catalog", "pg_stat_user_indexes",
       "relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_scan:l idx_tup_read:l "
       "idx_tup_fetch:l"},
      {"pg_catalog", "pg_stat_user_tables",
       "relid:o schemaname:n relname:n seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l "
       "n_tup_ins:l n_tup_upd:l n_tup_del:l n_tup_hot_upd:l n_live_tup:l n_dead_tup:l "
       "n_mod_since_analyze:l n_ins_since_vacuum:l last_vacuum:z last_autovacuum:z "
       "last_analyze:z last_autoanalyze:z vacuum_count:l autovacuum_count:l analyze_count:l "
       "autoanalyze_count:l"},
      {"pg_catalog", "pg_stat_wal",
       "wal_records:l wal_fpi:l wal_bytes:m wal_buffers_full:l wal_write:l wal_sync:l "
       "wal_write_time:d wal_sync_time:d stats_reset:z"},
      {"pg_catalog", "pg_stat_wal_receiver",
       "pid:i status:t receive_start_lsn:j receive_start_tli:i written_lsn:j flushed_lsn:j "
       "received_tli:i last_msg_send_time:z last_msg_receipt_time:z latest_end_lsn:j "
       "latest_end_time:z slot_name:t sender_host:t sender_port:i conninfo:t"},
      {"pg_catalog", "pg_stat_xact_all_tables",
       "relid:o schemaname:n relname:n seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l "
       "n_tup_ins:l n_tup_upd:l n_tup_del:l n_tup_hot_upd:l"},
      {"pg_catalog", "pg_stat_xact_sys_tables",
       "relid:o schemaname:n relname:n seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l "
       "n_tup_ins:l n_tup_upd:l n_tup_del:l n_tup_hot_upd:l"},
      {"pg_catalog", "pg_stat_xact_user_functions",
       "funcid:o schemaname:n funcname:n calls:l total_time:d self_time:d"},
      {"pg_catalog", "pg_stat_xact_user_tables",
       "relid:o schemaname:n relname:n seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l "
       "n_tup_ins:l n_tup_upd:l n_tup_del:l n_tup_hot_upd:l"},
      {"pg_catalog", "pg_statio_all_indexes",
       "relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_blks_read:l "
       "idx_blks_hit:l"},
      {"pg_catalog", "pg_statio_all_sequences",
       "relid:o schemaname:n relname:n blks_read:l blks_hit:l"},
      {"pg_catalog", "pg_statio_all_tables",
       "relid:o schemaname:n relname:n heap_blks_read:l heap_blks_hit:l idx_blks_read:l "
       "idx_blks_hit:l toast_blks_read:l toast_blks_hit:l tidx_blks_read:l tidx_blks_hit:l"},
      {"pg_catalog", "pg_statio_sys_indexes",
       "relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_blks_read:l "
       "idx_blks_hit:l"},
      {"pg_catalog", "pg_statio_sys_sequences",
       "relid:o schemaname:n relname:n blks_read:l blks_hit:l"},
      {"pg_catalog", "pg_statio_sys_tables",
       "relid:o schemaname:n relname:n heap_blks_read:l heap_blks_hit:l idx_blks_read:l "
       "idx_blks_hit:l toast_blks_read:l toast_blks_hit:l tidx_blks_read:l tidx_blks_hit:l"},
      {"pg_catalog", "pg_statio_user_indexes",
       "relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_blks_read:l "
       "idx_blks_hit:l"},
      {"pg_catalog", "pg_statio_user_sequences",
       "relid:o schemaname:n relname:n blks_read:l blks_hit:l"},
      {"pg_catalog", "pg_statio_user_tables",
       "relid:o schemaname:n relname:n heap_blks_read:l heap_blks_hit:l idx_blks_read:l "
       "idx_blks_hit:l toast_blks_read:l toast_blks_hit:l tidx_blks_read:l tidx_blks_hit:l"},
      {"pg_catalog", "pg_statistic",
       "starelid:o staattnum:s stainherit:b stanullfrac:f stawidth:i stadistinct:f stakind1:s "
       "stakind2:s stakind3:s stakind4:s stakind5:s staop1:o staop2:o staop3:o staop4:o "
       "staop5:o stacoll1:o stacoll2:o stacoll3:o stacoll4:o stacoll5:o stanumbers1:F "
       "stanumbers2:F stanumbers3:F stanumbers4:F stanumbers5:F stavalues1:t stavalues2:t "
       "stavalues3:t stavalues4:t stavalues5:t"},
      {"pg_catalog", "pg_stats",
       "schemaname:n tablename:n attname:n inherited:b null_frac:f avg_width:i n_distinct:f "
       "most_common_vals:t most_common_freqs:F histogram_bounds:t correlation:f "
       "most_common_elems:t most_common_elem_freqs:F elem_count_histogram:F"},
      {"pg_catalog", "pg_stats_ext",
       "schemaname:n tablename:n statistics_schemaname:n statistics_name:n statistics_owner:n "
       "attnames:N exprs:T kinds:C inherited:b n_distinct:t dependencies:t most_common_vals:T "
       "most_common_val_nulls:B most_common_freqs:D most_common_base_freqs:D"},
      {"pg_catalog", "pg_stats_ext_exprs",
       "schemaname:n tablename:n statistics_schemaname:n statistics_name:n statistics_owner:n "
       "expr:t inherited:b null_frac:f avg_width:i n_distinct:f most_common_vals:t "
       "most_common_freqs:F histogram_bounds:t correlation:f most_common_elems:t "
       "most_common_elem_freqs:F elem_count_histogram:F"},
      {"pg_catalog", "pg_timezone_abbrevs", "abbrev:t utc_offset:e is_dst:b"},
      {"pg_catalog", "pg_timezone_names", "name:t abbrev:t utc_offset:e is_dst:b"},
      {"pg_catalog", "pg_transform", "oid:o trftype:o trflang:o trffromsql:g trftosql:g"},
  };
  return std::span<const PostgresTable>(kTables);
}();

}  // namespace engine
