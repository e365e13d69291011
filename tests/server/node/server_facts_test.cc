#include "server/node/server_facts.h"

namespace server {
namespace {

std::string value_of(const std::vector<engine::ServerFact>& facts, const std::string& name) {
  for (const engine::ServerFact& fact : facts)
    if (fact.section + "/" + fact.name == name) return fact.value;
  return "not there";
}

TEST(ServerFacts, describe_the_process_its_files_and_its_disk) {
  SimulatedClock clock;
  clock.advance_us(90'000'000);
  const std::string data_dir = "/nowhere";
  const MemoryBudget memory(1 << 20);
  storage::TopicTable topics;
  MetadataImage image;
  image.catalog = std::make_shared<const engine::Catalog>();
  image.topics = topics.snapshot();
  image.left_out = {"revision 17: a definition in the metadata log is damaged"};
  const auto facts = server_facts({data_dir,
                                   clock,
                                   30'000'000,
                                   {{"shard 0", {10, 100, 1'500, 3'000}, 4'500}},
                                   {7, 5, 100, 1000, 12, 3, 4096, 2},
                                   3,
                                   4,
                                   5,
                                   image,
                                   memory});
  EXPECT_EQ(value_of(facts, "server/uptime seconds"), "60");
  EXPECT_EQ(value_of(facts, "server/shards"), "1");
  EXPECT_EQ(value_of(facts, "loops/shard 0 slice p99 ms"), "1.5");
  EXPECT_EQ(value_of(facts, "loops/shard 0 slice max ms"), "3.0");
  EXPECT_EQ(value_of(facts, "loops/shard 0 longest slice ms"), "4.5");
  EXPECT_EQ(value_of(facts, "log/partitions"), "7");
  EXPECT_EQ(value_of(facts, "log/topic partitions"), "5");
  EXPECT_EQ(value_of(facts, "log/topic partitions limit"), "100");
  EXPECT_EQ(value_of(facts, "log/commits"), "1000");
  EXPECT_EQ(value_of(facts, "log/commits per second"), "12");
  EXPECT_EQ(value_of(facts, "log/queued requests"), "3");
  EXPECT_EQ(value_of(facts, "log/queued bytes"), "4096");
  EXPECT_EQ(value_of(facts, "log/removals in progress"), "2");
  EXPECT_EQ(value_of(facts, "memory/limit bytes"), "1048576");
  EXPECT_EQ(value_of(facts, "memory/COPY and transactions bytes"), "0");
  EXPECT_EQ(value_of(facts, "connections/kafka"), "4");
  EXPECT_EQ(value_of(facts, "connections/http"), "5");
  EXPECT_EQ(value_of(facts, "metadata/queries"), "0");
  EXPECT_EQ(value_of(facts, "metadata/definition ignored"), image.left_out.front());
  EXPECT_GT(std::stoll(value_of(facts, "memory/resident bytes")), 1'000'000);
  // A fact that cannot be measured is not listed.
  EXPECT_EQ(value_of(facts, "disk/free bytes"), "not there");
}

// The names must not change, because dashboards refer to the facts by name.
TEST(ServerFacts, have_names_that_stay) {
  SimulatedClock clock;
  const std::string data_dir = "/";
  const MemoryBudget memory(1 << 20);
  MetadataImage image;
  std::string names;
  for (const engine::ServerFact& fact :
       server_facts({data_dir, clock, 0, {{"shard-0", {}, 0}}, {}, 0, 0, 0, image, memory}))
    names += fact.section + ": " + fact.name + "\n";
  EXPECT_EQ(
      names,
      "server: version\nserver: process id\nserver: uptime seconds\nserver: data directory\n"
      "server: shards\n"
      "metadata: revision\nmetadata: streams and tables\nmetadata: queries\n"
      "metadata: topics\n"
      "connections: pg\nconnections: kafka\nconnections: http\n"
      "loops: shard-0 slice p99 ms\nloops: shard-0 slice max ms\nloops: shard-0 longest slice ms\n"
      "memory: limit bytes\nmemory: held bytes\nmemory: connections bytes\n"
      "memory: unread answers bytes\nmemory: prepared statements bytes\n"
      "memory: COPY and transactions bytes\nmemory: queues bytes\n"
      "memory: running queries bytes\nmemory: tables bytes\n"
      "memory: rows kept for scans bytes\n"
      "memory: resident bytes\nmemory: anonymous bytes\n"
      "log: partitions\nlog: topic partitions\nlog: topic partitions limit\nlog: commits\nlog: "
      "commits per second\nlog: queued requests\n"
      "log: queued bytes\nlog: removals in progress\n"
      "disk: reserve bytes\ndisk: appends\ndisk: free bytes\ndisk: total bytes\n");
}

}  // namespace
}  // namespace server
