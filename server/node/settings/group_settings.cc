// The settings of groups, offsets and transactions of Kafka clients.
#include "base/topic_limits.h"
#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"

namespace server {

namespace {

constexpr SettingRow kGroupSettings[] = {
    {"group-initial-rebalance-delay-ms", "time that a new group waits for further members [3000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.groups.initial_rebalance_delay_ms, text, 0, INT32_MAX);
     }},
    {"group-min-session-timeout-ms",
     "shortest session time-out that a group member may request [6000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.min_session_timeout_ms, text, 0, INT32_MAX);
     }},
    {"group-max-session-timeout-ms",
     "longest session time-out that a group member may request [1800000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.max_session_timeout_ms, text, 0, INT32_MAX);
     }},
    {"group-max-size", "maximum number of members of a group [2147483647]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.max_size, text, 1, INT32_MAX);
     }},
    {"group-consumer-session-timeout-ms",
     "session time-out of members that use the consumer protocol [45000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.consumer_session_timeout_ms, text, 1, INT32_MAX);
     }},
    {"group-consumer-heartbeat-interval-ms",
     "heartbeat interval of members that use the consumer protocol [5000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.consumer_heartbeat_interval_ms, text, 1, INT32_MAX);
     }},
    {"group-consumer-max-size",
     "maximum number of members of a group that uses the consumer protocol [2147483647]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.consumer_max_size, text, 1, INT32_MAX);
     }},
    {"group-share-session-timeout-ms", "session time-out of members of a share group [45000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_session_timeout_ms, text, 1, INT32_MAX);
     }},
    {"group-share-heartbeat-interval-ms", "heartbeat interval of members of a share group [5000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_heartbeat_interval_ms, text, 1, INT32_MAX);
     }},
    {"group-share-max-size", "maximum number of members of a share group [200]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_max_size, text, 1, 1'000);
     }},
    {"group-share-max-share-sessions",
     "maximum number of connections that read for a share group [2000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_max_sessions, text, 1, 100'000);
     }},
    {"group-share-record-lock-duration-ms",
     "time that a member of a share group has for a record, before another member gets the record "
     "[30000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_record_lock_ms, text, 100, 3'600'000);
     }},
    {"group-share-delivery-count-limit",
     "greatest number of deliveries of a record to a share group [5]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_delivery_count_limit, text, 1, 10);
     }},
    {"group-share-partition-max-record-locks",
     "maximum number of records of a partition that a share group has fetched and not acknowledged "
     "[2000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_max_record_locks, text, 1, 10'000);
     }},
    {"offsets-retention-minutes",
     "time that the offsets of a group without members are kept [10080]",
     [](NodeSettings& s, const std::string& text) -> Status {
       int64_t minutes = 0;
       TRY(set_number(minutes, text, 1, INT32_MAX));
       s.groups.offsets_retention_ms = minutes * 60'000;
       return {};
     }},
    {"offsets-retention-check-interval-ms", "interval of the check for expired offsets [600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.groups.retention_check_ms, text, 1, INT32_MAX);
     }},
    {"offsets-topic-num-partitions",
     "number of partitions of the topic of groups when it is created [50]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.offsets_topic_partitions, text, 1, kMostPartitionsOfTopic);
     }},
    {"transaction-state-log-num-partitions",
     "number of partitions of the topic of transactions when it is created [50]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.transactions.topic_partitions, text, 1, kMostPartitionsOfTopic);
     }},
    {"transaction-max-timeout-ms", "maximum time-out of a transaction [900000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.transactions.max_timeout_ms, text, 1, INT32_MAX);
     }},
    {"transactional-id-expiration-ms", "time that an unused transactional id is kept [604800000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.transactions.id_expiration_ms, text, 1, INT32_MAX);
     }},
    {"producer-id-expiration-ms",
     "time that the sequence numbers of an idle producer are kept [86400000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.producer_id_expiration_ms, text, 1, INT32_MAX);
     }},
    {"offset-metadata-max-bytes",
     "maximum size of the metadata that a client stores with an offset [4096]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.max_metadata_bytes, text, 0, INT16_MAX);
     }},
    // --- Settings of a node of a cluster
};

}  // namespace

std::span<const SettingRow> group_settings() { return kGroupSettings; }

}  // namespace server
