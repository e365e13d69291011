// Checks the senders of webhooks with the examples that the services publish, and the answers of the queue.
#include <gtest/gtest.h>

#include <optional>

#include "base/clock.h"
#include "server/connect/webhooks/webhook_reader.h"
#include "server/connect/webhooks/webhook_signature.h"

namespace server {
namespace {

engine::WebhookSource source_of(engine::ConnectorProperties config) {
  config.emplace("topic", "t");
  const engine::PropertyValues values(engine::webhook_rows(), std::move(config));
  auto read = engine::read_webhook(values);
  for (const auto& wrong : read.wrong) ADD_FAILURE() << wrong.message;
  return std::move(read.source);
}

// Returns "ok" or the reason for the log.
std::string check(const engine::WebhookSource& source, const WebhookRequest& request,
                  int64_t now_s = 0) {
  constexpr int64_t kMsOfSecond = 1'000;
  const Status checked = check_webhook_sender(source, request, now_s * kMsOfSecond);
  return checked ? "ok" : checked.error().message;
}

// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
TEST(WebhookSignature, githubs_example_is_accepted) {
  const auto source = source_of(
      {{"signature.scheme", "github"}, {"signature.secret", "It's a Secret to Everybody"}});
  const std::string right =
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  EXPECT_EQ(check(source, {{{"x-hub-signature-256", right}}, "Hello, World!"}), "ok");
  EXPECT_EQ(check(source, {{{"x-hub-signature-256", right}}, "Hello, World."}),
            "the signature in x-hub-signature-256 is wrong");
  EXPECT_EQ(check(source, {{{"x-hub-signature-256", "sha256="}}, "Hello, World!"}),
            "the request has no signature in x-hub-signature-256");
  EXPECT_EQ(check(source, {{}, "Hello, World!"}),
            "the request has no signature in x-hub-signature-256");
  EXPECT_EQ(check(source, {{{"x-hub-signature-256", right + "00"}}, "Hello, World!"}),
            "the signature in x-hub-signature-256 is wrong");
}

// https://docs.slack.dev/authentication/verifying-requests-from-slack
TEST(WebhookSignature, slacks_example_is_accepted_in_its_time) {
  const auto source = source_of(
      {{"signature.scheme", "slack"}, {"signature.secret", "8f742231b10e8888abcd99yyyzzz85a5"}});
  const WebhookRequest request{
      {{"x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
       {"x-slack-request-timestamp", "1531420618"}},
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
      "G8PSS9T3V&"
      "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
      "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%"
      "2F96rGlfmibIGl"
      "gcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"};
  EXPECT_EQ(check(source, request, 1531420618), "ok");
  EXPECT_EQ(check(source, request, 1531420618 + 300), "ok");
  EXPECT_EQ(check(source, request, 1531420618 + 301), "the time of the request differs by 301 s");
  EXPECT_EQ(check(source, request, 1531420618 - 301), "the time of the request differs by 301 s");
}

TEST(WebhookSignature, one_of_several_signatures_of_stripe_is_enough) {
  const std::string wrong(64, '0');
  const auto source =
      source_of({{"signature.scheme", "stripe"}, {"signature.secret", "whsec_test"}});
  // HMAC-SHA256 of "1492774577.{}"
  const std::string expected = "0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b";
  const auto with = [](const std::string& header) {
    return WebhookRequest{{{"stripe-signature", header}}, "{}"};
  };
  EXPECT_EQ(
      check(source, with("t=1492774577,v1=" + wrong + ",v1=" + expected + ",v0=00"), 1492774577),
      "ok");
  EXPECT_EQ(check(source, with("t=1492774577,v0=" + expected), 1492774577),
            "the signature in Stripe-Signature is wrong");
  // The time is part of the signed text.
  EXPECT_EQ(check(source, with("t=1492774578,v1=" + expected), 1492774577),
            "the signature in Stripe-Signature is wrong");
  EXPECT_EQ(check(source, with("v1=" + expected), 1492774577), "the request has no time");
}

TEST(WebhookSignature, a_secret_and_a_token_can_be_replaced_without_a_gap) {
  const auto tokens = source_of({{"token", "new"}, {"token.previous", "old"}});
  EXPECT_EQ(check(tokens, {{{"authorization", "Bearer new"}}, ""}), "ok");
  EXPECT_EQ(check(tokens, {{{"authorization", "bearer old"}}, ""}), "ok");
  EXPECT_EQ(check(tokens, {{{"authorization", "Bearer "}}, ""}),
            "the token in authorization is wrong");
  EXPECT_EQ(check(tokens, {{{"authorization", "new"}}, ""}),
            "the request has no token in Authorization");
  const auto named = source_of({{"token", "x"}, {"token.header", "X-Gitlab-Token"}});
  EXPECT_EQ(check(named, {{{"x-gitlab-token", "x"}}, ""}), "ok");
  const auto hmac = source_of({{"signature.scheme", "hmac"},
                               {"signature.header", "X-Signature"},
                               {"signature.encoding", "base64"},
                               {"signature.secret", "new"},
                               {"signature.secret.previous", "It's a Secret to Everybody"}});
  EXPECT_EQ(check(hmac, {{{"x-signature", "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="}},
                         "Hello, World!"}),
            "ok");
}

// The answers to requests, in their order; an absent one is not answered yet.
class WebhookQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<std::optional<WebhookAnswer>> send(std::string body, std::string token = "x") {
    auto answer = std::make_shared<std::optional<WebhookAnswer>>();
    webhooks_.find("hook")->accept(
        {{{"authorization", "Bearer " + token}, {"x-id", "7"}}, std::move(body)},
        [answer](WebhookAnswer given) { *answer = std::move(given); });
    return answer;
  }
  std::unique_ptr<WebhookReader> open(engine::ConnectorProperties config) {
    config.emplace("token", "x");
    auto reader = std::make_unique<WebhookReader>(
        webhooks_, source_of(std::move(config)), "hook", [this] { return most_record_bytes_; },
        memory_, clock_);
    EXPECT_TRUE(reader->start({}));
    return reader;
  }

  Webhooks webhooks_;
  size_t most_record_bytes_ = 1'000'000;  // max.message.bytes of the topic
  ConnectorMemory memory_{size_t{1} << 20};
  SimulatedClock clock_;
};

TEST_F(WebhookQueueTest, a_request_is_answered_when_its_records_are_durable) {
  const auto reader = open({{"include.headers", "X-Id"}, {"key.pointer", "/id"}});
  const auto first = send(R"([{"id":1},{"id":"a"},{"x":2}])"), second = send("{}");
  const SourceBatch batch = reader->poll({1 << 20, 100}).value();
  ASSERT_EQ(batch.records.size(), 4U);
  EXPECT_EQ(batch.records[0].key, "1");
  EXPECT_EQ(batch.records[1].key, "a");
  EXPECT_EQ(batch.records[2].key, std::nullopt);
  EXPECT_EQ(batch.records[2].value, R"({"x":2})");
  EXPECT_EQ(batch.records[3].headers, (std::vector<engine::ConnectHeader>{{"x-id", "7"}}));
  const auto third = send("{}");
  EXPECT_FALSE(*first || *second || *third);
  ASSERT_TRUE(reader->confirm(batch.positions));
  EXPECT_EQ((*first)->accepted, 3);
  EXPECT_EQ((*second)->accepted, 1);
  EXPECT_FALSE(*third);
  EXPECT_EQ(batch.positions[0].offset_json, R"({"requests":2})");
  EXPECT_EQ(memory_.held_bytes() > 0, true);
}

TEST_F(WebhookQueueTest, requests_that_are_not_durable_are_refused_at_the_end) {
  auto reader = open({});
  const auto taken = send("{}");
  const SourceBatch batch = reader->poll({1 << 20, 100}).value();
  const auto waiting = send("{}");
  reader.reset();
  EXPECT_EQ((*taken)->status, 503);
  EXPECT_EQ((*waiting)->status, 503);
  EXPECT_EQ(webhooks_.find("hook"), nullptr);
  EXPECT_EQ(memory_.held_bytes(), 0U);
}

TEST_F(WebhookQueueTest, refused_requests_have_the_status_of_their_reason) {
  const auto reader = open({{"body.max.bytes", "100"}, {"max.queue.size.in.bytes", "1024"}});
  EXPECT_EQ((*send("{}", "wrong"))->status, 401);
  EXPECT_EQ((*send("{}", "wrong"))->message, "the request is not signed by a known sender");
  EXPECT_EQ((*send("{"))->status, 400);
  EXPECT_EQ((*send(std::string(101, ' ')))->status, 413);
  EXPECT_EQ((*send("[]"))->status, 200);
  std::vector<std::shared_ptr<std::optional<WebhookAnswer>>> answers;
  while (answers.empty() || !*answers.back()) answers.push_back(send("{}"));
  EXPECT_EQ((*answers.back())->status, 429);
  EXPECT_LT(answers.size(), 10U);
}

TEST_F(WebhookQueueTest, a_record_that_its_topic_cannot_store_is_refused) {
  const auto reader = open({{"include.headers", "X-Id"}});
  most_record_bytes_ = 138;  // 128 bytes, and a header of 5
  EXPECT_FALSE(*send(R"("12")"));
  EXPECT_EQ((*send(R"("1234")"))->status, 413);
  EXPECT_EQ((*send(R"([1,"1234"])"))->message,
            "a record has 139 bytes, and max.message.bytes of its topic is 138");
}

TEST_F(WebhookQueueTest, a_pause_refuses_the_requests_that_wait) {
  const auto reader = open({});
  const auto waiting = send("{}");
  reader->on_pause();
  EXPECT_EQ((*waiting)->status, 503);
  EXPECT_EQ((*send("{}"))->status, 503);
  EXPECT_EQ(memory_.held_bytes(), 0U);
  EXPECT_TRUE(reader->poll({1 << 20, 100})->records.empty());
  EXPECT_FALSE(*send("{}"));
  EXPECT_EQ(reader->poll({1 << 20, 100})->records.size(), 1U);
}

TEST_F(WebhookQueueTest, the_memory_of_all_connectors_limits_the_queue) {
  const auto reader = open({});
  ASSERT_TRUE(memory_.try_add(size_t{1} << 20));
  EXPECT_EQ((*send("{}"))->status, 429);
  memory_.remove(size_t{1} << 20);
  EXPECT_FALSE(*send("{}"));
}

}  // namespace
}  // namespace server
