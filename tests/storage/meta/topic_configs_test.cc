#include "storage/meta/topic_configs.h"

#include "storage/log/task_journal.h"

namespace storage {
namespace {

using Config = std::map<std::string, std::string>;

TEST(TopicConfigs, every_default_is_a_value_of_its_setting) {
  for (const TopicConfigRow& row : topic_configs())
    EXPECT_TRUE(row.default_value.empty() || check_topic_config(row.name, row.default_value))
        << row.name;
}

TEST(TopicConfigs, the_rows_are_in_order_and_each_name_exists_once) {
  for (size_t i = 1; i < topic_configs().size(); ++i)
    EXPECT_LT(topic_configs()[i - 1].name, topic_configs()[i].name);
}

TEST(TopicConfigs, values_out_of_kafkas_ranges_are_refused) {
  const std::pair<const char*, const char*> wrong[] = {{"retention.ms", "-2"},
                                                       {"segment.bytes", "1"},
                                                       {"max.message.bytes", "-1"},
                                                       {"min.cleanable.dirty.ratio", "1.5"},
                                                       {"cleanup.policy", "keep"},
                                                       {"cleanup.policy", ""},
                                                       {"max.compaction.lag.ms", "0"},
                                                       {"flush.messages", "0"},
                                                       {"min.insync.replicas", "0"},
                                                       {"retention.ms", "soon"},
                                                       {"preallocate", "yes"},
                                                       {"compression.type", "rar"},
                                                       {"retention.bytes", "99999999999999999999"}};
  for (const auto& [name, value] : wrong) {
    const Status checked = check_topic_config(name, value);
    ASSERT_FALSE(checked) << name << "=" << value;
    EXPECT_EQ(checked.error().code, ErrorCode::InvalidParameter);
  }
}

TEST(TopicConfigs, harmless_settings_are_taken) {
  const std::pair<const char*, const char*> fine[] = {
      {"flush.messages", "1"},      {"file.delete.delay.ms", "0"},
      {"min.insync.replicas", "2"}, {"unclean.leader.election.enable", "true"},
      {"compression.type", "gzip"}, {"cleanup.policy", "compact, delete"},
      {"retention.ms", "-1"},       {"min.cleanable.dirty.ratio", "0.01"}};
  for (const auto& [name, value] : fine)
    EXPECT_TRUE(check_topic_config(name, value)) << name << "=" << value;
}

TEST(TopicConfigs, a_list_gets_and_loses_parts) {
  using Kind = ConfigChange::Kind;
  const ConfigChange append{"cleanup.policy", Kind::Append, "compact"};
  const auto both = changed_configs({}, {{append, append}});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->at("cleanup.policy"), "delete,compact");
  const ConfigChange subtract{"cleanup.policy", Kind::Subtract, "delete"};
  EXPECT_EQ(changed_configs(*both, {{subtract}})->at("cleanup.policy"), "compact");
  // An empty list is not a valid policy.
  EXPECT_FALSE(changed_configs({}, {{subtract}}));
}

// In Kafka, IncrementalAlterConfigs can delete a setting that does not exist. MirrorMaker 2 relies
// on this.
TEST(TopicConfigs, an_unknown_setting_can_be_deleted_and_not_set) {
  const Config now = {{"of.the.future", "1"}};
  const ConfigChange take{"of.the.future", ConfigChange::Kind::Delete};
  EXPECT_EQ(changed_configs(now, {{take}}), Config());
  const ConfigChange set{"of.the.future", ConfigChange::Kind::Set, "2"};
  EXPECT_FALSE(changed_configs(now, {{set}}));
  EXPECT_EQ(changed_configs({}, {{take}}), Config());
  const ConfigChange beside{"retention.ms", ConfigChange::Kind::Set, "86400000"};
  EXPECT_EQ(changed_configs({}, {{take, beside}}), (Config{{"retention.ms", "86400000"}}));
  const ConfigChange append{"of.the.future", ConfigChange::Kind::Append, "2"};
  EXPECT_FALSE(changed_configs(now, {{append}}));
}

// The settings that Apache Kafka 4.1 returns for a topic without settings. Tools such as Terraform and Strimzi set all
// of them explicitly.
TEST(TopicConfigs, each_setting_of_kafka_takes_kafkas_default) {
  const std::pair<const char*, const char*> kafka[] = {
      {"cleanup.policy", "delete"},
      {"compression.gzip.level", "-1"},
      {"compression.lz4.level", "9"},
      {"compression.type", "producer"},
      {"compression.zstd.level", "3"},
      {"delete.retention.ms", "86400000"},
      {"file.delete.delay.ms", "60000"},
      {"flush.messages", "9223372036854775807"},
      {"flush.ms", "9223372036854775807"},
      {"follower.replication.throttled.replicas", ""},
      {"index.interval.bytes", "4096"},
      {"leader.replication.throttled.replicas", ""},
      {"local.retention.bytes", "-2"},
      {"local.retention.ms", "-2"},
      {"max.compaction.lag.ms", "9223372036854775807"},
      {"max.message.bytes", "1048588"},
      {"message.timestamp.after.max.ms", "3600000"},
      {"message.timestamp.before.max.ms", "9223372036854775807"},
      {"message.timestamp.type", "CreateTime"},
      {"min.cleanable.dirty.ratio", "0.5"},
      {"min.compaction.lag.ms", "0"},
      {"min.insync.replicas", "1"},
      {"preallocate", "false"},
      {"remote.log.copy.disable", "false"},
      {"remote.log.delete.on.disable", "false"},
      {"remote.storage.enable", "false"},
      {"retention.bytes", "-1"},
      {"retention.ms", "604800000"},
      {"segment.bytes", "1073741824"},
      {"segment.index.bytes", "10485760"},
      {"segment.jitter.ms", "0"},
      {"segment.ms", "604800000"},
      {"unclean.leader.election.enable", "false"}};
  for (const auto& [name, value] : kafka)
    EXPECT_TRUE(check_topic_config(name, value)) << name << "=" << value;
  EXPECT_EQ(topic_configs().size(), std::size(kafka));
  const Status tiered = check_topic_config("remote.storage.enable", "true");
  ASSERT_FALSE(tiered);
  EXPECT_NE(tiered.error().message.find("tiered storage is not supported"), std::string::npos);
  EXPECT_FALSE(check_topic_config("local.retention.ms", "-3"));
}

// Directories of earlier versions may contain invalid numbers.
TEST(TopicConfigs, a_number_that_was_never_one_counts_as_the_default) {
  TopicInfo topic;
  topic.config = {{"retention.ms", "-7"}, {"max.message.bytes", "x"}, {"retention.bytes", "12"}};
  EXPECT_EQ(topic_config_number(topic, "retention.ms"), -1);
  EXPECT_EQ(topic_config_number(topic, "max.message.bytes"), 67108864);
  EXPECT_EQ(topic_config_number(topic, "retention.bytes"), 12);
}

// KIP-226: the order is the topic, all brokers at run time, the start of the server, the program's
// default.
TEST(TopicConfigs, defaults_hold_for_topics_that_do_not_set_them) {
  const Uuid id = Uuid::random();
  TopicTable table;
  ASSERT_TRUE(table.apply(encode_create_topic({id, "t", 1, {{"segment.ms", "5"}}})));
  ASSERT_TRUE(table.apply(encode_create_topic({kReplicatedJournal, "journal", 1, {}})));
  const auto before = table.snapshot();
  table.set_defaults({{{"retention.ms", "7"}, {"segment.ms", "8"}},
                      {{"retention.ms", "1"}, {"retention.bytes", "2"}}});
  const TopicInfo& topic = *table.snapshot()->find(id);
  EXPECT_EQ(topic_config(topic, "retention.ms"), "7");
  EXPECT_EQ(origin_of(topic, "retention.ms"), ConfigOrigin::ClusterWide);
  EXPECT_EQ(topic_config_number(topic, "retention.bytes"), 2);
  EXPECT_EQ(origin_of(topic, "retention.bytes"), ConfigOrigin::Start);
  EXPECT_EQ(origin_of(topic, "segment.ms"), ConfigOrigin::Topic);
  EXPECT_EQ(origin_of(topic, "cleanup.policy"), ConfigOrigin::Program);
  EXPECT_EQ(topic_config(*table.snapshot()->find(kReplicatedJournal), "retention.ms"), "-1")
      << "what queries have committed does not expire";
  EXPECT_EQ(topic_config(*before->find(id), "retention.ms"), "-1") << "a snapshot does not change";
  const Uuid later = Uuid::random();
  ASSERT_TRUE(table.apply(encode_create_topic({later, "later", 1, {}})));
  EXPECT_EQ(topic_config(*table.snapshot()->find(later), "retention.ms"), "7");
}

TEST(TopicConfigs, defaults_go_by_the_brokers_names_and_are_kept) {
  using Kind = ConfigChange::Kind;
  const ConfigChange set{"log.retention.ms", Kind::Set, "7"};
  const ConfigChange append{"log.cleanup.policy", Kind::Append, "compact"};
  const auto changed = changed_topic_defaults({}, {{set, append}});
  EXPECT_EQ(changed, (Config{{"retention.ms", "7"}, {"cleanup.policy", "delete,compact"}}));
  EXPECT_EQ(decode_topic_defaults(encode_topic_defaults(*changed)), *changed);
  EXPECT_FALSE(decode_topic_defaults(encode_topic_defaults(*changed) + "x"));
  EXPECT_FALSE(decode_topic_defaults(""));
  const ConfigChange take{"log.retention.ms", Kind::Delete};
  EXPECT_EQ(changed_topic_defaults(*changed, {{take}})->size(), 1u);
  for (const char* name : {"retention.ms", "min.insync.replicas", "num.partitions", ""}) {
    const ConfigChange unknown{name, Kind::Set, "1"};
    EXPECT_FALSE(changed_topic_defaults({}, {{unknown}})) << name;
    const ConfigChange gone{name, Kind::Delete};
    EXPECT_EQ(changed_topic_defaults({}, {{gone}}), Config()) << name;
  }
}

}  // namespace
}  // namespace storage
