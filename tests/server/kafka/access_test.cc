// Tests which requests a Kafka client may send with the rights of its user.
#include <fstream>

#include "server/auth/access.h"
#include "server/kafka/permissions.h"
#include "tests/server/kafka/session_fixture.h"
#include "tests/server/kafka/users_backend.h"

namespace server::kafka {
namespace {

using storage::kMayCreate;
using storage::kMayInsert;
using storage::kMaySelect;
using storage::kOwns;

constexpr KafkaError kIllegalState{34}, kTopicFailed{29}, kGroupFailed{30}, kClusterFailed{31},
    kTransactionFailed{53};

class KafkaAccessTest : public testing::Test, public SessionHost {
 protected:
  KafkaAccessTest() {
    std::ofstream(rules_) << "host all all all scram-sha-256\n";
    access_ = std::move(auth::Access::open(rules_, directory_)).value();
    for (const char* name : {"root", "ann", "bob"}) make_user(name);
    backend_.apply({storage::PutRole{
        "root", {.may_login = true, .is_superuser = true, .verifiers = verifiers("root")}}});
    open("root");
    for (const char* topic : {"orders", "secrets"}) {
      CreateTopicsRequest request;
      request.topics = {{.name = topic, .num_partitions = 1}};
      EXPECT_EQ(ask<CreateTopicsResponse>(request, 4).topics.at(0).error_code, KafkaError::None);
    }
  }
  void wake() override {}

  static std::map<std::string, std::string> verifiers(const std::string& name) {
    return verifiers_of("pw-" + name);
  }
  void make_user(const std::string& name) {
    backend_.apply({storage::PutRole{name, {.may_login = true, .verifiers = verifiers(name)}}});
  }
  void grant(const std::string& topic, const std::string& role, storage::Rights rights) {
    backend_.apply({storage::SetRights{topic, role, rights}});
  }

  void connect() {
    session_ = std::make_unique<Session>(
        backend_, *this, clock_, node_, limits_,
        SessionSurroundings{.access = access_.get(), .channel = &channel_});
  }
  KafkaError choose() {
    SaslHandshakeRequest request;
    request.mechanism = "PLAIN";
    return ask<SaslHandshakeResponse>(request, 1).error_code;
  }
  KafkaError show(const std::string& user, const std::string& password) {
    SaslAuthenticateRequest request;
    const std::string token = std::string(1, '\0') + user + std::string(1, '\0') + password;
    request.auth_bytes = token;
    return ask<SaslAuthenticateResponse>(request, 0).error_code;
  }
  void open(const std::string& user) {
    connect();
    ASSERT_EQ(choose(), KafkaError::None);
    ASSERT_EQ(show(user, "pw-" + user), KafkaError::None);
  }
  template <class Request>
  void send(const Request& request, int16_t version) {
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = ++last_id_}, request);
    session_->receive(bytes);
    session_->run();
  }
  template <class Response, class Request>
  Response ask(const Request& request, int16_t version) {
    constexpr size_t kHeaderBytes = 8;
    send(request, version);
    const std::string output = session_->take_output();
    EXPECT_GT(output.size(), kHeaderBytes);
    if (output.size() <= kHeaderBytes) return {};
    kept_ = output.substr(kHeaderBytes);
    const auto response = decode_response<Response>(kept_, version);
    EXPECT_TRUE(response);
    return response.value_or(Response{});
  }
  KafkaError produce(const std::string& topic) {
    records::BatchBuilder builder;
    builder.append(1000, "key", "value");
    const std::string batch = builder.finish();
    ProduceRequest request;
    request.acks = -1;
    request.topic_data = {{.name = topic, .partition_data = {{.index = 0, .records = batch}}}};
    return ask<ProduceResponse>(request, 7).responses.at(0).partition_responses.at(0).error_code;
  }
  KafkaError fetch(const std::string& topic) {
    FetchRequest request;
    request.topics = {
        {.topic = topic,
         .partitions = {{.partition = 0, .fetch_offset = 0, .partition_max_bytes = 1 << 20}}}};
    return ask<FetchResponse>(request, 11).responses.at(0).partitions.at(0).error_code;
  }
  std::vector<std::string> all_topics() {
    MetadataRequest request;
    std::vector<std::string> names;
    for (const auto& topic : ask<MetadataResponse>(request, 5).topics) names.push_back(*topic.name);
    return names;
  }
  KafkaError commit(const std::string& group, const std::string& topic) {
    OffsetCommitRequest request;
    request.group_id = group;
    request.generation_id_or_member_epoch = -1;
    request.topics = {
        {.name = topic, .partitions = {{.partition_index = 0, .committed_offset = 1}}}};
    return ask<OffsetCommitResponse>(request, 7).topics.at(0).partitions.at(0).error_code;
  }

  const std::string rules_ = testing::TempDir() + "millrace_kafka_access_test.conf";
  UsersBackend backend_;
  Directory directory_{backend_};
  std::unique_ptr<auth::Access> access_;
  Channel channel_{.peer_host = "127.0.0.1"};
  SimulatedClock clock_;
  NodeView node_{.host = "127.0.0.1", .port = 9092, .cluster_id = "test", .internal_topic = ""};
  std::unique_ptr<Session> session_;
  std::string kept_;
  int32_t last_id_ = 0;
  SessionLimits limits_;
};

TEST_F(KafkaAccessTest, a_connection_keeps_its_user) {
  open("ann");
  EXPECT_EQ(choose(), kIllegalState);
  EXPECT_EQ(show("root", "wrong"), kIllegalState);
  EXPECT_TRUE(session_->is_over());
}

// Tests re-authentication (KIP-368, connections.max.reauth.ms).
class ReauthenticationTest : public KafkaAccessTest {
 protected:
  static constexpr int64_t kLifetimeMs = 60'000;
  ReauthenticationTest() { limits_.max_reauth_ms = kLifetimeMs; }

  SaslAuthenticateResponse show_plain(const std::string& user, const std::string& password) {
    SaslAuthenticateRequest request;
    const std::string token = std::string(1, '\0') + user + std::string(1, '\0') + password;
    request.auth_bytes = token;
    return ask<SaslAuthenticateResponse>(request, 1);
  }
  bool is_answered() {
    send(MetadataRequest{}, 5);
    return !session_->take_output().empty() && !session_->is_over();
  }
};

TEST_F(ReauthenticationTest, a_session_lives_for_the_time_in_its_answer) {
  connect();
  ASSERT_EQ(choose(), KafkaError::None);
  EXPECT_EQ(show_plain("ann", "pw-ann").session_lifetime_ms, kLifetimeMs);
  clock_.advance_us((kLifetimeMs - 1) * 1000);
  EXPECT_TRUE(is_answered());
  EXPECT_EQ(choose(), KafkaError::None);
  EXPECT_TRUE(is_answered()) << "the first session lives on until then";
  EXPECT_EQ(show_plain("ann", "pw-ann").session_lifetime_ms, kLifetimeMs);
  clock_.advance_us((kLifetimeMs - 1) * 1000);
  EXPECT_TRUE(is_answered());
  clock_.advance_us(1000);
  EXPECT_FALSE(is_answered());
  EXPECT_NE(session_->end_reason().find("expired"), std::string::npos);
}

TEST_F(ReauthenticationTest, an_expired_session_still_shows_its_user) {
  open("ann");
  clock_.advance_us((kLifetimeMs + 1) * 1000);
  EXPECT_EQ(choose(), KafkaError::None);
  EXPECT_EQ(show_plain("ann", "pw-ann").error_code, KafkaError::None);
  EXPECT_TRUE(is_answered());
}

TEST_F(ReauthenticationTest, neither_the_user_nor_the_mechanism_changes) {
  open("ann");
  SaslHandshakeRequest request;
  request.mechanism = "SCRAM-SHA-256";
  EXPECT_EQ(ask<SaslHandshakeResponse>(request, 1).error_code, KafkaError(33));
  EXPECT_EQ(choose(), KafkaError::None);
  EXPECT_EQ(show("root", "pw-root"), KafkaError::SaslAuthenticationFailed);
  EXPECT_TRUE(session_->is_over());
  open("ann");
  EXPECT_EQ(choose(), KafkaError::None);
  EXPECT_EQ(show("ann", "wrong"), KafkaError::SaslAuthenticationFailed);
  EXPECT_TRUE(session_->is_over());
}

TEST_F(KafkaAccessTest, nothing_begins_behind_an_answer_that_ends_the_connection) {
  open("ann");
  SaslAuthenticateRequest claim;
  claim.auth_bytes = std::string_view("\0root\0wrong", 11);
  std::string bytes;
  append_request(bytes, {.api_version = 0, .correlation_id = 1}, claim);
  append_request(bytes, {.api_version = 5, .correlation_id = 2}, MetadataRequest{});
  session_->receive(bytes);
  session_->run();
  const std::string output = session_->take_output();
  EXPECT_EQ(output.size(), 4 + static_cast<size_t>(load_be<int32_t>(output.data())));
  EXPECT_FALSE(session_->end_reason().empty());
}

TEST_F(KafkaAccessTest, a_wrong_password_is_logged_with_the_name) {
  connect();
  EXPECT_EQ(choose(), KafkaError::None);
  EXPECT_EQ(show("ann", "wrong"), KafkaError::SaslAuthenticationFailed);
  EXPECT_EQ(session_->end_reason(), "password authentication failed for user \"ann\"");
}

TEST_F(KafkaAccessTest, topics_are_read_and_written_by_rights) {
  open("ann");
  EXPECT_EQ(produce("orders"), kTopicFailed);
  EXPECT_EQ(fetch("orders"), kTopicFailed);
  EXPECT_TRUE(all_topics().empty());
  grant("orders", "ann", kMayInsert);
  EXPECT_EQ(produce("orders"), KafkaError::None);
  EXPECT_EQ(fetch("orders"), kTopicFailed);
  grant("orders", "ann", kMaySelect);
  EXPECT_EQ(produce("orders"), kTopicFailed);
  EXPECT_EQ(fetch("orders"), KafkaError::None);
  EXPECT_EQ(fetch("secrets"), kTopicFailed);
  EXPECT_EQ(all_topics(), std::vector<std::string>{"orders"});
  grant("orders", "ann", 0);  // the change applies to existing connections, too
  EXPECT_EQ(fetch("orders"), kTopicFailed);
}

TEST_F(KafkaAccessTest, metadata_by_id_need_the_right_on_the_topic_with_any_name) {
  grant("orders", "ann", kMaySelect);
  open("ann");
  for (const std::optional<std::string>& name :
       {std::optional<std::string>(), std::optional<std::string>(""),
        std::optional<std::string>("orders")}) {
    MetadataRequest request;
    request.topics.emplace();
    for (const char* topic : {"secrets", "orders"})
      request.topics->push_back({.topic_id = backend_.topics()->find(topic)->id, .name = name});
    const auto topics = ask<MetadataResponse>(request, 13).topics;
    ASSERT_EQ(topics.size(), 2u);
    EXPECT_EQ(topics[0].error_code, kTopicFailed);
    EXPECT_FALSE(topics[0].name);
    EXPECT_EQ(topics[0].topic_id, backend_.topics()->find("secrets")->id);
    EXPECT_TRUE(topics[0].partitions.empty());
    EXPECT_EQ(topics[1].error_code, KafkaError::None);
    EXPECT_EQ(topics[1].name, "orders");
  }
}

TEST_F(KafkaAccessTest, refused_and_finished_topics_are_in_one_answer) {
  grant("orders", "ann", kMaySelect);
  open("ann");
  ListOffsetsRequest request;
  for (const char* topic : {"secrets", "orders"})
    request.topics.push_back(
        {.name = topic, .partitions = {{.partition_index = 0, .timestamp = -1}}});
  const auto response = ask<ListOffsetsResponse>(request, 5);
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "orders");
  EXPECT_EQ(response.topics[0].partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(response.topics[1].name, "secrets");
  EXPECT_EQ(response.topics[1].partitions.at(0).error_code, kTopicFailed);
}

TEST_F(KafkaAccessTest, topics_are_made_by_a_right_and_deleted_by_their_owners) {
  open("ann");
  CreateTopicsRequest create;
  create.topics = {{.name = "mine", .num_partitions = 1}};
  EXPECT_EQ(ask<CreateTopicsResponse>(create, 4).topics.at(0).error_code, kTopicFailed);
  grant("", "ann", kMayCreate);
  EXPECT_EQ(ask<CreateTopicsResponse>(create, 4).topics.at(0).error_code, KafkaError::None);
  DeleteTopicsRequest remove;
  remove.topic_names = {"orders"};
  EXPECT_EQ(ask<DeleteTopicsResponse>(remove, 4).responses.at(0).error_code, kTopicFailed);
  grant("orders", "ann", kOwns);
  EXPECT_EQ(ask<DeleteTopicsResponse>(remove, 4).responses.at(0).error_code, KafkaError::None);
}

TEST_F(KafkaAccessTest, groups_and_transactional_ids_have_rights) {
  grant("orders", "ann", kMaySelect);
  open("ann");
  EXPECT_EQ(commit("billing", "orders"), kGroupFailed);
  grant("group:billing", "ann", kMaySelect);
  EXPECT_EQ(commit("billing", "secrets"), kTopicFailed);
  EXPECT_EQ(commit("billing", "orders"), KafkaError::None);
  EXPECT_EQ(commit("other", "orders"), kGroupFailed);
  grant("group:*", "ann", kMaySelect);
  EXPECT_EQ(commit("other", "orders"), KafkaError::None);
  InitProducerIdRequest init;
  init.transactional_id = "payer";
  EXPECT_EQ(ask<InitProducerIdResponse>(init, 1).error_code, kTransactionFailed);
  grant("transaction:payer", "ann", kMayInsert);
  EXPECT_NE(ask<InitProducerIdResponse>(init, 1).error_code, kTransactionFailed);
}

TEST_F(KafkaAccessTest, share_groups_have_rights_as_other_groups_have) {
  open("ann");
  ShareGroupHeartbeatRequest beat;
  beat.group_id = "queue";
  beat.member_id = "m";
  beat.subscribed_topic_names = {"orders"};
  const auto heartbeat = [&] { return ask<ShareGroupHeartbeatResponse>(beat, 1).error_code; };
  EXPECT_EQ(heartbeat(), kGroupFailed);
  ShareFetchRequest fetch;
  fetch.group_id = "queue";
  fetch.member_id = "m";
  for (const char* topic : {"secrets", "orders"})
    fetch.topics.push_back(
        {.topic_id = backend_.topics()->find(topic)->id, .partitions = {{.partition_index = 0}}});
  const auto fetched = [&] { return ask<ShareFetchResponse>(fetch, 1); };
  EXPECT_EQ(fetched().error_code, kGroupFailed);
  grant("group:queue", "ann", kMaySelect);
  EXPECT_EQ(heartbeat(), kTopicFailed);
  grant("orders", "ann", kMaySelect);
  EXPECT_NE(heartbeat(), kTopicFailed);
  const ShareFetchResponse answer = fetched();
  ASSERT_EQ(answer.responses.size(), 1u) << "the other one is for the group to tell";
  EXPECT_EQ(answer.responses[0].topic_id, fetch.topics[0].topic_id);
  EXPECT_EQ(answer.responses[0].partitions.at(0).error_code, kTopicFailed);
}

TEST_F(KafkaAccessTest, rules_are_rights) {
  open("root");
  const auto creation = [](int8_t type, const char* name, const char* user, int8_t operation) {
    CreateAclsRequest::Creation each;
    each.resource_type = type;
    each.resource_name = name;
    each.resource_pattern_type = 3;
    each.principal = user;
    each.host = "*";
    each.operation = operation;
    each.permission_type = 3;
    return each;
  };
  CreateAclsRequest create;
  create.creations = {creation(2, "orders", "User:ann", 3),  creation(3, "billing", "User:ann", 3),
                      creation(2, "group:x", "User:ann", 3), creation(3, "", "User:ann", 3),
                      creation(2, "orders", "ann", 3),       creation(4, "cluster", "User:ann", 5)};
  create.creations.push_back(creation(2, "orders", "User:ann", 3));
  create.creations.back().host = "10.0.0.1";
  const auto created = ask<CreateAclsResponse>(create, 1);
  ASSERT_EQ(created.results.size(), 7u);
  for (size_t i = 0; i < 7; ++i)
    EXPECT_EQ(created.results[i].error_code, i < 2 ? KafkaError::None : KafkaError::InvalidRequest)
        << i;
  EXPECT_TRUE(backend_.users()->rules.empty()) << "these are rights";
  EXPECT_EQ(backend_.users()->rights.at("orders").at("ann"), kMaySelect);
  EXPECT_EQ(backend_.users()->rights.at("group:billing").at("ann"), kMaySelect);

  DescribeAclsRequest describe;
  describe.resource_type_filter = describe.operation = describe.permission_type = 1;
  describe.pattern_type_filter = 1;
  describe.principal_filter = "User:ann";
  const auto described = ask<DescribeAclsResponse>(describe, 1);
  ASSERT_EQ(described.resources.size(), 2u);
  EXPECT_EQ(described.resources[0].resource_name, "orders");
  EXPECT_EQ(described.resources[0].acls.at(0).operation, 3);
  EXPECT_EQ(described.resources[1].resource_name, "billing");

  DeleteAclsRequest remove;
  remove.filters.resize(1);
  auto& filter = remove.filters[0];
  filter.resource_type_filter = 2;
  filter.pattern_type_filter = filter.operation = filter.permission_type = 1;
  filter.principal_filter = "User:ann";
  EXPECT_EQ(ask<DeleteAclsResponse>(remove, 1).filter_results.at(0).matching_acls.size(), 1u);
  EXPECT_FALSE(backend_.users()->rights.contains("orders") &&
               backend_.users()->rights.at("orders").contains("ann"));

  open("ann");
  EXPECT_EQ(ask<DescribeAclsResponse>(describe, 1).error_code, kClusterFailed);
  EXPECT_EQ(ask<CreateAclsResponse>(create, 1).results.at(0).error_code, kClusterFailed);
}

class RulesTest : public KafkaAccessTest {
 protected:
  static constexpr int8_t kTopic = 2, kGroup = 3, kCluster = 4, kTransaction = 5;
  static constexpr int8_t kLiteral = 3, kPrefixed = 4, kDeny = 2, kAllow = 3;

  struct Asked {
    int8_t type = kTopic, pattern = kLiteral, permission = kAllow;
    const char* name = "orders";
    const char* principal = "User:ann";
    Operation operation = Operation::Read;
  };
  KafkaError create(const Asked& asked) {
    CreateAclsRequest request;
    auto& creation = request.creations.emplace_back();
    creation.resource_type = asked.type;
    creation.resource_pattern_type = asked.pattern;
    creation.permission_type = asked.permission;
    creation.resource_name = asked.name;
    creation.principal = asked.principal;
    creation.host = "*";
    creation.operation = static_cast<int8_t>(asked.operation);
    return ask<CreateAclsResponse>(request, 2).results.at(0).error_code;
  }
  static DescribeAclsRequest everything() {
    DescribeAclsRequest request;
    request.resource_type_filter = request.operation = request.permission_type = 1;
    request.pattern_type_filter = 1;
    return request;
  }
  size_t count(const DescribeAclsRequest& request) {
    size_t acls = 0;
    for (const auto& resource : ask<DescribeAclsResponse>(request, 2).resources)
      acls += resource.acls.size();
    return acls;
  }
  void forget_all() {
    backend_.apply({});
    DeleteAclsRequest request;
    request.filters.resize(1);
    auto& filter = request.filters[0];
    filter.resource_type_filter = filter.operation = filter.permission_type = 1;
    filter.pattern_type_filter = 1;
    EXPECT_EQ(ask<DeleteAclsResponse>(request, 2).filter_results.at(0).error_code,
              KafkaError::None);
  }
};

// Tests all combinations of values in Kafka's protocol. A rule with a meaning is created, listed as it was
// created, and deleted. All other combinations are refused.
TEST_F(RulesTest, each_rule_that_means_something_is_made_listed_and_deleted) {
  open("root");
  using enum Operation;
  const auto means_something = [](int8_t type, Operation operation) {
    switch (type) {
      case kTopic:
        return operation != ClusterAction && operation != IdempotentWrite;
      case kGroup:
        return operation == All || operation == Read || operation == Describe ||
               operation == Delete || operation == DescribeConfigs || operation == AlterConfigs;
      case kCluster:
        return operation != Read && operation != Write && operation != Delete;
      default:
        return operation == All || operation == Write || operation == Describe;
    }
  };
  for (const int8_t type : {kTopic, kGroup, kCluster, kTransaction})
    for (const int8_t pattern : {kLiteral, kPrefixed})
      for (const int8_t permission : {kAllow, kDeny})
        for (const char* principal : {"User:ann", "User:*", "User:later"})
          for (int8_t number = 1; number <= 13; ++number) {
            const auto operation = static_cast<Operation>(number);
            const Asked asked{type,       pattern,
                              permission, type == kCluster ? "kafka-cluster" : "x",
                              principal,  operation};
            const bool is_right = number >= 2 && number <= 12 && means_something(type, operation) &&
                                  (type != kCluster || pattern == kLiteral);
            const auto place = testing::Message() << int(type) << int(pattern) << int(permission)
                                                  << principal << int(number);
            ASSERT_EQ(create(asked), is_right ? KafkaError::None : KafkaError::InvalidRequest)
                << place;
            if (!is_right) continue;
            const auto all = ask<DescribeAclsResponse>(everything(), 2).resources;
            ASSERT_EQ(all.size(), 1u) << place;
            EXPECT_EQ(all[0].resource_type, type) << place;
            EXPECT_EQ(all[0].pattern_type, pattern) << place;
            ASSERT_EQ(all[0].acls.size(), 1u) << place;
            EXPECT_EQ(all[0].acls[0].principal, principal) << place;
            EXPECT_EQ(all[0].acls[0].operation, number) << place;
            EXPECT_EQ(all[0].acls[0].permission_type, permission) << place;
            forget_all();
            ASSERT_EQ(count(everything()), 0u) << place;
          }
}

TEST_F(RulesTest, filters_find_patterns_as_in_kafka) {
  open("root");
  for (const Asked& each :
       {Asked{}, Asked{.pattern = kPrefixed, .name = "ord"}, Asked{.name = "*"},
        Asked{.permission = kDeny}, Asked{.type = kGroup, .pattern = kPrefixed, .name = "orders"}})
    ASSERT_EQ(create(each), KafkaError::None);
  DescribeAclsRequest request = everything();
  EXPECT_EQ(count(request), 5u);
  request.resource_type_filter = kTopic;
  request.resource_name_filter = "orders";
  EXPECT_EQ(count(request), 2u) << "ANY: of this name";
  request.pattern_type_filter = 2;
  EXPECT_EQ(count(request), 4u) << "MATCH: what holds for it";
  request.pattern_type_filter = kPrefixed;
  EXPECT_EQ(count(request), 0u);
  request.resource_name_filter = "ord";
  EXPECT_EQ(count(request), 1u);
  request.resource_name_filter.reset();
  request.pattern_type_filter = kLiteral;
  EXPECT_EQ(count(request), 3u);
  request.permission_type = kDeny;
  EXPECT_EQ(count(request), 1u);
}

TEST_F(RulesTest, prefixes_everybody_and_later_users_are_allowed) {
  open("root");
  for (const Asked& each :
       {Asked{.pattern = kPrefixed, .name = "ord"}, Asked{.principal = "User:*"}}) {
    ASSERT_EQ(create(each), KafkaError::None);
    open("ann");
    EXPECT_EQ(fetch("orders"), KafkaError::None);
    EXPECT_EQ(fetch("secrets"), kTopicFailed);
    EXPECT_EQ(produce("orders"), kTopicFailed);
    EXPECT_EQ(all_topics(), std::vector<std::string>{"orders"});
    open("root");
    forget_all();
    open("ann");
    EXPECT_EQ(fetch("orders"), kTopicFailed);
    open("root");
  }
  ASSERT_EQ(create({.principal = "User:later"}), KafkaError::None);
  make_user("later");
  open("later");
  EXPECT_EQ(fetch("orders"), KafkaError::None);
  backend_.apply({storage::EraseRole{"later"}});
  make_user("later");
  open("later");
  EXPECT_EQ(fetch("orders"), kTopicFailed) << "another user of this name";
}

// All groups, internal topics and transactional ids of a Streams application have names with the
// same prefix.
TEST_F(RulesTest, an_application_lives_under_its_prefix) {
  open("root");
  for (const int8_t type : {kTopic, kGroup, kTransaction})
    ASSERT_EQ(
        create({.type = type, .pattern = kPrefixed, .name = "app-", .operation = Operation::All}),
        KafkaError::None);
  open("ann");
  CreateTopicsRequest topics;
  topics.topics = {{.name = "app-changelog", .num_partitions = 1},
                   {.name = "other", .num_partitions = 1}};
  const auto made = ask<CreateTopicsResponse>(topics, 4).topics;
  for (const auto& topic : made)
    EXPECT_EQ(topic.error_code, topic.name == "other" ? kTopicFailed : KafkaError::None);
  EXPECT_EQ(produce("app-changelog"), KafkaError::None);
  EXPECT_EQ(commit("app-1", "app-changelog"), KafkaError::None);
  EXPECT_EQ(commit("billing", "app-changelog"), kGroupFailed);
  InitProducerIdRequest init;
  init.transactional_id = "app-0_0";
  EXPECT_NE(ask<InitProducerIdResponse>(init, 1).error_code, kTransactionFailed);
  init.transactional_id = "payer";
  EXPECT_EQ(ask<InitProducerIdResponse>(init, 1).error_code, kTransactionFailed);
  DeleteTopicsRequest remove;
  remove.topic_names = {"app-changelog"};
  EXPECT_EQ(ask<DeleteTopicsResponse>(remove, 4).responses.at(0).error_code, KafkaError::None);
}

TEST_F(RulesTest, denials_bind_owners_and_not_superusers) {
  grant("orders", "ann", kOwns);
  open("root");
  ASSERT_EQ(create({.permission = kDeny, .principal = "User:*", .operation = Operation::Write}),
            KafkaError::None);
  ASSERT_EQ(create({.pattern = kPrefixed,
                    .permission = kDeny,
                    .name = "ord",
                    .operation = Operation::Delete}),
            KafkaError::None);
  EXPECT_EQ(produce("orders"), KafkaError::None) << "super.users";
  open("ann");
  EXPECT_EQ(produce("orders"), kTopicFailed);
  EXPECT_EQ(fetch("orders"), KafkaError::None);
  DeleteTopicsRequest remove;
  remove.topic_names = {"orders"};
  EXPECT_EQ(ask<DeleteTopicsResponse>(remove, 4).responses.at(0).error_code, kTopicFailed);
  // An owner may not delete a rule that denies something to the owner.
  DeleteAclsRequest forget;
  forget.filters.resize(1);
  auto& filter = forget.filters[0];
  filter.resource_type_filter = filter.operation = filter.permission_type = 1;
  filter.pattern_type_filter = 1;
  ask<DeleteAclsResponse>(forget, 2);
  EXPECT_EQ(produce("orders"), kTopicFailed);
}

TEST_F(RulesTest, a_single_operation_allows_nothing_else) {
  open("root");
  ASSERT_EQ(create({.operation = Operation::Delete}), KafkaError::None);
  open("ann");
  EXPECT_EQ(fetch("orders"), kTopicFailed);
  EXPECT_EQ(create({.principal = "User:bob"}), kClusterFailed) << "that is an owner's";
  IncrementalAlterConfigsRequest alter;
  alter.resources = {{2, "orders", {{"retention.ms", 0, "5"}}}};
  EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(alter, 1).responses.at(0).error_code,
            kTopicFailed);
  open("root");
  ASSERT_EQ(create({.operation = Operation::AlterConfigs}), KafkaError::None);
  open("ann");
  EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(alter, 1).responses.at(0).error_code,
            KafkaError::None);
  DeleteTopicsRequest remove;
  remove.topic_names = {"orders"};
  EXPECT_EQ(ask<DeleteTopicsResponse>(remove, 4).responses.at(0).error_code, KafkaError::None);
}

TEST_F(RulesTest, a_user_that_may_alter_the_cluster_makes_rules_but_no_superuser) {
  open("root");
  ASSERT_EQ(create({.type = kCluster, .name = "kafka-cluster", .operation = Operation::Alter}),
            KafkaError::None);
  open("ann");
  EXPECT_EQ(create({.pattern = kPrefixed, .permission = kDeny, .principal = "User:bob"}),
            KafkaError::None);
  AlterUserScramCredentialsRequest alter;
  const std::string salted(32, 's');
  alter.upsertions = {{"root", 1, 8192, "salt", salted}, {"bob", 1, 8192, "salt", salted}};
  for (const auto& result : ask<AlterUserScramCredentialsResponse>(alter, 0).results)
    EXPECT_EQ(result.error_code, result.user == "root" ? kClusterFailed : KafkaError::None);
}

TEST_F(RulesTest, an_owner_grants_rights_on_a_single_name) {
  grant("orders", "ann", kOwns);
  open("ann");
  EXPECT_EQ(create({.principal = "User:bob"}), KafkaError::None);
  EXPECT_EQ(create({.principal = "User:bob", .operation = Operation::Delete}), KafkaError::None);
  for (const Asked& each :
       {Asked{.pattern = kPrefixed, .principal = "User:bob"},
        Asked{.permission = kDeny, .principal = "User:bob"}, Asked{.name = "*"},
        Asked{.name = "secrets"}, Asked{.type = kGroup},
        Asked{.type = kCluster, .name = "kafka-cluster", .operation = Operation::Create}})
    EXPECT_EQ(create(each), kClusterFailed) << each.name;
}

TEST_F(KafkaAccessTest, a_refused_listing_has_a_message) {
  open("ann");
  DescribeUserScramCredentialsRequest describe;
  const auto described = ask<DescribeUserScramCredentialsResponse>(describe, 0);
  EXPECT_EQ(described.error_code, kClusterFailed);
  EXPECT_TRUE(described.error_message);
}

TEST_F(KafkaAccessTest, passwords_are_set_as_kafkas_tools_do) {
  open("root");
  AlterUserScramCredentialsRequest alter;
  const std::string salted(32, 's');
  alter.upsertions = {{"kate", 1, 8192, "salt", salted}, {"bob", 1, 10, "salt", salted}};
  alter.deletions = {{"ann", 2}};
  for (const auto& result : ask<AlterUserScramCredentialsResponse>(alter, 0).results)
    EXPECT_EQ(result.error_code == KafkaError::None, result.user == "kate") << result.user;
  EXPECT_TRUE(backend_.users()->roles.at("kate").may_login);
  DescribeUserScramCredentialsRequest describe;
  describe.users = {{"kate"}};
  const auto described = ask<DescribeUserScramCredentialsResponse>(describe, 0);
  EXPECT_EQ(described.results.at(0).credential_infos.at(0).iterations, 8192);
  open("ann");
  EXPECT_EQ(ask<DescribeUserScramCredentialsResponse>(describe, 0).error_code, kClusterFailed);
}

TEST_F(KafkaAccessTest, a_dropped_user_stays_dropped_even_if_another_has_its_name) {
  grant("orders", "ann", kMaySelect);
  open("ann");
  EXPECT_EQ(fetch("orders"), KafkaError::None);
  backend_.apply({storage::EraseRole{"ann"}});
  make_user("ann");
  grant("orders", "ann", kMaySelect);
  send(MetadataRequest{}, 5);
  EXPECT_TRUE(session_->is_over());
}

}  // namespace
}  // namespace server::kafka
