#include "server/links/kafka_links.h"

#include <gtest/gtest.h>

#include <mutex>
#include <optional>

#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "tests/server/kafka_client/scripted_broker.h"

namespace server {
namespace {

using kafka_client::answer_bytes;
using kafka_client::ScriptedBroker;
using kafka_client::versions_of;

class StoreInMemory final : public LinkStore {
 public:
  std::shared_ptr<const storage::LinkTable> links() const override {
    const std::lock_guard lock(mutex_);
    return links_;
  }
  void submit(Change change, std::function<void(Status)> done) override { done(apply(change)); }

 private:
  Status apply(const Change& change) {
    const std::lock_guard lock(mutex_);
    const auto changes = TRY(change(*links_));
    links_ = std::make_shared<const storage::LinkTable>(
        TRY(storage::apply_link_changes(*links_, storage::encode_link_changes(changes))));
    return {};
  }
  mutable std::mutex mutex_;
  std::shared_ptr<const storage::LinkTable> links_ = std::make_shared<const storage::LinkTable>();
};

// Links on their own thread, and a loop for the brokers of the test.
class KafkaLinksTest : public testing::Test {
 protected:
  KafkaLinksTest() { links.start(); }
  ~KafkaLinksTest() override { links.stop(); }

  // Waits for the answer to a call, while the brokers run.
  template <class T>
  Result<T> answer_of(const std::function<void(Links::Done<T>)>& call) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    call([this, answer](Result<T> got) {
      loop.post([this, answer, got = std::move(got)] {
        *answer = got;
        loop.stop();
      });
    });
    loop.run();
    return std::move(**answer);
  }
  Result<CreatedLink> create(LinkRequest request) {
    return answer_of<CreatedLink>([&](auto done) { links.create(request, done); });
  }
  Result<CreatedLink> create(const std::string& name, const std::string& servers,
                             const std::string& connect = "now") {
    return create({.name = name,
                   .owner = "ann",
                   .properties = {{"bootstrap.servers", servers}, {"connect", connect}}});
  }
  Result<LinkInfo> describe(const std::string& name) {
    return answer_of<LinkInfo>([&](auto done) { links.describe(name, done); });
  }
  Result<std::vector<LinkTopic>> topics(const std::string& name) {
    return answer_of<std::vector<LinkTopic>>([&](auto done) { links.topics(name, done); });
  }
  Status drop(const std::string& name) {
    return answer_of<void>([&](auto done) { links.drop(name, done); });
  }
  LinkInfo await_state(const std::string& name, LinkState state) {
    while (true) {
      const auto info = describe(name);
      if (!info || info->state == state) return info ? *info : LinkInfo{};
    }
  }

  Loop loop;
  SystemClock clock;
  MemoryBudget memory;
  StoreInMemory store;
  KafkaLinks links{store, clock, memory, {}};
};

std::string broker(const kafka::RequestFrame& request) {
  if (request.header.api_key == kafka::ApiVersionsRequest::kApiKey)
    return answer_bytes(request, versions_of<kafka::ApiVersionsRequest, kafka::MetadataRequest>());
  kafka::MetadataResponse response;
  response.cluster_id = "far-away";
  response.brokers.emplace_back().node_id = 1;
  for (const char* name : {"orders", "__consumer_offsets", "offers"}) {
    auto& topic = response.topics.emplace_back();
    topic.name = name;
    topic.topic_id = Uuid::random();
    topic.is_internal = topic.name->starts_with("__");
    topic.partitions.emplace_back().replica_nodes = {1, 2};
  }
  return answer_bytes(request, response);
}

TEST_F(KafkaLinksTest, a_link_shows_the_topics_of_the_other_cluster) {
  ScriptedBroker other(loop, broker);
  const auto created = create("prod", other.address().to_string());
  ASSERT_TRUE(created) << created.error().message;
  ASSERT_TRUE(created->facts);
  EXPECT_EQ(created->facts->cluster_id, "far-away");
  EXPECT_EQ(created->facts->brokers, 1);
  EXPECT_EQ(created->facts->topics, 2);  // without the internal one
  EXPECT_TRUE(created->facts->has_topic_ids);
  const auto found = topics("prod");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ(found->at(1).name, "offers");  // by name
  EXPECT_EQ(found->at(1).replicas, 2);
  const LinkInfo info = await_state("prod", LinkState::Connected);
  EXPECT_EQ(info.cluster_id, "far-away");
  EXPECT_EQ(info.owner, "ann");
  EXPECT_EQ(info.properties.count("connect"), 0u);
}

TEST_F(KafkaLinksTest, a_link_that_cannot_connect_is_stored_only_for_later) {
  Address closed;
  {
    const ScriptedBroker other(loop, broker);
    closed = other.address();
  }
  const auto created = create("prod", closed.to_string());
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::NetworkFailure);
  EXPECT_TRUE(created.error().message.starts_with("link prod: " + closed.to_string() + ": "))
      << created.error().message;
  EXPECT_TRUE(store.links()->empty());
  ASSERT_TRUE(create("prod", closed.to_string(), "later"));
  const auto found = topics("prod");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, created.error().message);
  EXPECT_EQ(describe("prod")->state, LinkState::Connecting);
}

TEST_F(KafkaLinksTest, names_are_taken_once) {
  LinkRequest request{.name = "prod",
                      .owner = {},
                      .properties = {{"bootstrap.servers", "h:1"}, {"connect", "later"}}};
  ASSERT_TRUE(create(request));
  const Uuid first = store.links()->at("prod")->id;
  EXPECT_EQ(create(request).error().code, ErrorCode::DuplicateObject);
  request.if_exists = IfLinkExists::Keep;
  EXPECT_FALSE(create(request)->is_new);
  EXPECT_EQ(store.links()->at("prod")->id, first);
  request.if_exists = IfLinkExists::Replace;
  EXPECT_TRUE(create(request)->is_new);
  EXPECT_NE(store.links()->at("prod")->id, first);
  EXPECT_TRUE(drop("prod"));
  EXPECT_EQ(drop("prod").error().code, ErrorCode::UndefinedObject);
  EXPECT_EQ(topics("prod").error().code, ErrorCode::UndefinedObject);
}

TEST_F(KafkaLinksTest, wrong_properties_are_refused_with_the_name_of_the_link) {
  using Wrong = std::map<std::string, std::string>;
  for (const Wrong& wrong : {Wrong{}, Wrong{{"bootstrap.servers", "h:1"}, {"connect", "soon"}},
                             Wrong{{"bootstrap.servers", "h:1"}, {"sasl.password", "geheim-4711"}},
                             Wrong{{"bootstrap.servers", "h:1"}, {"no.such", "x"}}}) {
    const auto created = create({.name = "prod", .owner = {}, .properties = wrong});
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ErrorCode::InvalidParameter) << created.error().message;
    EXPECT_TRUE(created.error().message.starts_with("link prod: "));
    EXPECT_EQ(created.error().message.find("geheim"), std::string::npos);
  }
  EXPECT_TRUE(store.links()->empty());
}

// A link without its secret is refused, and not an obstacle for others.
TEST_F(KafkaLinksTest, a_missing_secret_is_the_state_of_its_link_only) {
  ScriptedBroker other(loop, broker);
  ASSERT_TRUE(create("prod", other.address().to_string()));
  store.submit(
      [](const storage::LinkTable&) {
        auto bad = std::make_shared<storage::LinkDefinition>();
        bad->name = "bad";
        bad->id = Uuid::random();
        bad->properties = {{"bootstrap.servers", "h:1"}, {"sasl.password", "${file:none}"}};
        return std::vector<storage::LinkChange>{{"bad", bad}};
      },
      [](const Status& stored) { EXPECT_TRUE(stored); });
  const LinkInfo bad = await_state("bad", LinkState::Refused);
  EXPECT_NE(bad.last_error.find("--secrets-dir"), std::string::npos) << bad.last_error;
  EXPECT_TRUE(topics("prod"));
}

TEST_F(KafkaLinksTest, a_dropped_link_fails_the_calls_that_wait) {
  ScriptedBroker silent(loop, [](const kafka::RequestFrame&) { return std::string(); });
  ASSERT_TRUE(create("prod", silent.address().to_string(), "later"));
  const auto found = answer_of<std::vector<LinkTopic>>([&](auto done) {
    links.topics("prod", done);
    // describe() is answered after topics() has begun to wait.
    links.describe("prod", [this](const Result<LinkInfo>&) {
      links.drop("prod", [](const Status& dropped) { EXPECT_TRUE(dropped); });
    });
  });
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("the link was dropped"), std::string::npos)
      << found.error().message;
}

// stop() ends the loop of the links while CREATE LINK still waits for the other cluster, so no later answer could be
// delivered. Therefore stop() must first answer the call with an error.
TEST_F(KafkaLinksTest, a_stop_ends_a_call_that_connects) {
  bool is_ended = false;
  ScriptedBroker silent(loop, [this](const kafka::RequestFrame&) {
    loop.stop();
    return std::string();
  });
  links.create({.name = "prod",
                .owner = {},
                .properties = {{"bootstrap.servers", silent.address().to_string()}}},
               [&](const Result<CreatedLink>& created) { is_ended = !created; });
  loop.run();  // until the broker has the first request
  links.stop();
  EXPECT_TRUE(is_ended);
}

TEST_F(KafkaLinksTest, a_reading_reports_a_missing_topic_and_ends_with_its_owner) {
  ScriptedBroker other(loop, broker);
  ASSERT_TRUE(create("prod", other.address().to_string()));
  auto reading = links.read("prod", "order", Links::From::Beginning);
  const auto records = answer_of<LinkRecords>([&](auto done) { reading->next(done); });
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, ErrorCode::UndefinedSource);
  EXPECT_EQ(records.error().message, "link prod: there is no topic \"order\"");
  auto abandoned = links.read("prod", "orders", Links::From::End);
  abandoned->next([](const Result<LinkRecords>&) {});
  abandoned.reset();
}

}  // namespace
}  // namespace server
