#include "server/node/broker_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace server {

namespace {

std::string listeners_of(const NodeSettings& settings) {
  std::string all;
  for (const Address& each : settings.kafka)
    all += fmt::format("{}PLAINTEXT://{}", all.empty() ? "" : ",", each.to_string());
  return all;
}

}  // namespace

std::vector<kafka::StartSetting> broker_settings(const NodeSettings& settings) {
  using enum storage::ConfigType;
  const coordinator::GroupSettings& groups = settings.groups;
  const coordinator::TransactionSettings& transactions = settings.transactions;
  std::vector<kafka::StartSetting> all;
  const auto number = [&](const char* name, int64_t value, const char* flag, const char* doc,
                          storage::ConfigType type = Int) {
    all.push_back({name, fmt::to_string(value), type, doc, flag});
  };
  const auto text = [&](const char* name, std::string value, const char* flag, const char* doc,
                        storage::ConfigType type = String) {
    all.push_back({name, std::move(value), type, doc, flag});
  };
  text("listeners", listeners_of(settings), "kafka",
       "addresses where the server listens for Kafka clients", List);
  text("log.dirs", settings.data_dir, "data-dir", "directory of all data");
  number("num.partitions", settings.sql.engine.num_partitions, "num-partitions",
         "number of partitions of a topic that is created without one");
  text("auto.create.topics.enable", settings.auto_create_topics ? "true" : "false",
       "auto-create-topics",
       "whether a topic is created when a client requests one that does not "
       "exist",
       Boolean);
  text("delete.topic.enable", "true", "", "whether topics can be deleted", Boolean);
  number("max.connections", static_cast<int64_t>(settings.max_connections), "max-connections",
         "maximum number of connections of Kafka clients");
  number("connections.max.reauth.ms", settings.connections_max_reauth_ms,
         "connections-max-reauth-ms",
         "time after which a client that logged in with SASL must "
         "authenticate again",
         Long);
  const NodeSettings::Tokens& tokens = settings.security.tokens;
  const bool has_tokens = !tokens.keys_url.empty() || !tokens.secret_file.empty();
  text("sasl.enabled.mechanisms",
       fmt::format("PLAIN,SCRAM-SHA-256,SCRAM-SHA-512{}", has_tokens ? ",OAUTHBEARER" : ""), "",
       "mechanisms of SASL that the server offers", List);
  if (has_tokens) {
    text("sasl.oauthbearer.jwks.endpoint.url", tokens.keys_url,
         "sasl-oauthbearer-jwks-endpoint-url", "URL of the public keys of the issuer of tokens");
    text("sasl.oauthbearer.expected.audience", fmt::to_string(fmt::join(tokens.audiences, ",")),
         "sasl-oauthbearer-expected-audience", "audiences of which a token must have one", List);
    text("sasl.oauthbearer.expected.issuer", tokens.issuer, "sasl-oauthbearer-expected-issuer",
         "issuer that a token must have");
    text("sasl.oauthbearer.sub.claim.name", tokens.user_claim, "sasl-oauthbearer-sub-claim-name",
         "claim of a token with the name of the user");
    number("sasl.oauthbearer.clock.skew.seconds", tokens.clock_skew_s,
           "sasl-oauthbearer-clock-skew-seconds",
           "how far the clocks of the issuer and of the server may differ");
    number("sasl.oauthbearer.jwks.endpoint.refresh.ms", tokens.refresh_ms,
           "sasl-oauthbearer-jwks-endpoint-refresh-ms",
           "interval at which the keys of tokens are fetched again", Long);
  }
  number("log.retention.check.interval.ms", settings.log_retention_check_interval_ms,
         "log-retention-check-interval-ms", "interval of retention and compaction", Long);
  if (settings.log_retention_minutes)
    number("log.retention.minutes", *settings.log_retention_minutes, "log-retention-minutes",
           "ignored if log.retention.ms is set");
  if (settings.log_retention_hours)
    number("log.retention.hours", *settings.log_retention_hours, "log-retention-hours",
           "ignored if log.retention.ms or log.retention.minutes is set");
  number("group.initial.rebalance.delay.ms", groups.initial_rebalance_delay_ms,
         "group-initial-rebalance-delay-ms", "time that a new group waits for further members");
  number("group.min.session.timeout.ms", groups.min_session_timeout_ms,
         "group-min-session-timeout-ms", "shortest session time-out of a group member");
  number("group.max.session.timeout.ms", groups.max_session_timeout_ms,
         "group-max-session-timeout-ms", "longest session time-out of a group member");
  number("group.max.size", groups.max_size, "group-max-size",
         "maximum number of members of a group");
  number("group.consumer.max.size", groups.consumer_max_size, "group-consumer-max-size",
         "maximum number of members of a group that uses the consumer protocol");
  number("group.share.max.size", groups.share_max_size, "group-share-max-size",
         "maximum number of members of a share group");
  number("group.share.max.share.sessions", groups.share_max_sessions,
         "group-share-max-share-sessions",
         "maximum number of connections that read for a share "
         "group");
  number("offsets.retention.minutes", groups.offsets_retention_ms / 60'000,
         "offsets-retention-minutes", "time that the offsets of a group without members are kept");
  number("offsets.retention.check.interval.ms", groups.retention_check_ms,
         "offsets-retention-check-interval-ms", "interval of the check for expired offsets", Long);
  number("offsets.topic.num.partitions", groups.offsets_topic_partitions,
         "offsets-topic-num-partitions",
         "number of partitions of __consumer_offsets when it is "
         "created");
  number("offset.metadata.max.bytes", groups.max_metadata_bytes, "offset-metadata-max-bytes",
         "maximum size of the metadata that a client stores with an offset");
  number("transaction.max.timeout.ms", transactions.max_timeout_ms, "transaction-max-timeout-ms",
         "maximum time-out of a transaction");
  number("transactional.id.expiration.ms", transactions.id_expiration_ms,
         "transactional-id-expiration-ms", "time that an unused transactional id is kept", Long);
  number("transaction.state.log.num.partitions", transactions.topic_partitions,
         "transaction-state-log-num-partitions",
         "number of partitions of __transaction_state when it is created");
  number("producer.id.expiration.ms", settings.producer_id_expiration_ms,
         "producer-id-expiration-ms",
         "time that the sequence numbers of an idle producer are "
         "kept");
  number("group.consumer.session.timeout.ms", groups.consumer_session_timeout_ms,
         "group-consumer-session-timeout-ms",
         "session time-out of members that use the consumer "
         "protocol");
  number("group.consumer.heartbeat.interval.ms", groups.consumer_heartbeat_interval_ms,
         "group-consumer-heartbeat-interval-ms",
         "heartbeat interval of members that use the consumer protocol");
  number("group.share.session.timeout.ms", groups.share_session_timeout_ms,
         "group-share-session-timeout-ms", "session time-out of members of a share group");
  number("group.share.heartbeat.interval.ms", groups.share_heartbeat_interval_ms,
         "group-share-heartbeat-interval-ms", "heartbeat interval of members of a share group");
  number("group.share.record.lock.duration.ms", groups.share_record_lock_ms,
         "group-share-record-lock-duration-ms",
         "time that a member of a share group has for a record");
  number("group.share.delivery.count.limit", groups.share_delivery_count_limit,
         "group-share-delivery-count-limit",
         "number of times that a share group delivers a "
         "record");
  number("group.share.partition.max.record.locks", groups.share_max_record_locks,
         "group-share-partition-max-record-locks",
         "maximum number of records of a partition that a share group has fetched and not "
         "acknowledged");
  number("min.insync.replicas", settings.cluster.min_insync_replicas, "min-insync-replicas",
         "number of replicas that must have a record before acks=all is acknowledged; the same on "
         "all nodes");
  if (settings.cluster.id.empty()) return all;
  number("replica.lag.time.max.ms", settings.cluster.replica_lag_time_max_ms,
         "replica-lag-time-max-ms", "time after which a follower that lags is no longer in sync",
         Long);
  if (!settings.cluster.rack.empty())
    text("broker.rack", settings.cluster.rack, "rack", "location of the node");
  return all;
}

}  // namespace server
