// The commands of the command line, which main() calls. Unless stated otherwise, a command uses
// only Kafka's protocol, and so works with this server and any other. It returns the exit status:
// 0; 1 for a failure; 2 for a wrong command line.
#pragma once

namespace client {

// In the functions below, argv[0] is the name of the command.
int run_topic_command(int argc, const char* const* argv);
int run_produce_command(int argc, const char* const* argv);
int run_consume_command(int argc, const char* const* argv);
int run_group_command(int argc, const char* const* argv);
int run_config_command(int argc, const char* const* argv);
int run_cluster_command(int argc, const char* const* argv);
// Runs `millrace sql`, which uses PostgreSQL's protocol and psql's exit statuses.
int run_sql_command(int argc, const char* const* argv);
int run_bench_command(int argc, const char* const* argv);

int run_context_command(int argc, const char* const* argv);
// Runs `millrace confluent`, with the flags and exit statuses (0 and 1) of Confluent's command-line
// interface. Uses the protocols of Kafka and PostgreSQL.
int run_confluent_command(int argc, const char* const* argv);

// The functions below run Apache Kafka's tools of the same names, with their flags, words and exit
// statuses (0 and 1).
int run_kafka_topics(int argc, const char* const* argv);
int run_kafka_consumer_groups(int argc, const char* const* argv);
int run_kafka_console_producer(int argc, const char* const* argv);
int run_kafka_console_consumer(int argc, const char* const* argv);
int run_kafka_configs(int argc, const char* const* argv);
int run_kafka_get_offsets(int argc, const char* const* argv);
int run_kafka_delete_records(int argc, const char* const* argv);
int run_kafka_producer_perf_test(int argc, const char* const* argv);
int run_kafka_consumer_perf_test(int argc, const char* const* argv);
int run_kafka_transactions(int argc, const char* const* argv);
int run_kafka_reassign_partitions(int argc, const char* const* argv);
int run_kafka_leader_election(int argc, const char* const* argv);

}  // namespace client
