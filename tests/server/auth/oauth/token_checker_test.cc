// Tests how the keys of tokens are fetched and renewed, and how requests wait for them.
#include "server/auth/oauth/token_checker.h"

#include <atomic>
#include <future>

#include "tests/server/auth/oauth/signer.h"

namespace server::auth::oauth {
namespace {

constexpr RefreshTimes kQuick{
    .refresh_ms = 3'600'000, .retry_ms = 1, .most_retry_ms = 1, .least_gap_ms = 0};
constexpr std::string_view kCheckedClaims = R"({"sub":"ann","exp":1900000600})";

// An issuer of tokens. The test changes its keys, and can make it unreachable.
class Issuer {
 public:
  void publish(std::string keys) {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
  }
  FetchKeys fetch() {
    return [this](const std::stop_token&) -> Result<std::string> {
      ++fetches;
      const std::lock_guard lock(mutex_);
      if (keys_.empty()) return Error{ErrorCode::InvalidParameter, "the issuer is away"};
      return keys_;
    };
  }
  std::atomic<int> fetches = 0;

 private:
  std::mutex mutex_;
  std::string keys_;  // guarded by mutex_
};

class TokenCheckerTest : public testing::Test {
 protected:
  std::unique_ptr<TokenChecker> open(RefreshTimes times) {
    return std::make_unique<TokenChecker>(TokenRules{}, "test", issuer_.fetch(), times, clock_);
  }
  // Checks the token repeatedly until it is valid, and has the keys fetched in between, as a client
  // that tries again would.
  static void await_valid(TokenChecker& checker, const std::string& token) {
    for (uint64_t version = 0; !checker.check(token, version).grant;) await(checker, version);
  }
  static void await(TokenChecker& checker, uint64_t version) {
    std::promise<void> done;
    ASSERT_TRUE(checker.after_refresh(version, [&] {
      done.set_value();
      return true;
    }));
    done.get_future().wait();
  }

  const Signer old_{"ES256", "old"}, new_{"ES256", "new"};
  Issuer issuer_;
  SimulatedClock clock_{1'900'000'000'000};
};

TEST_F(TokenCheckerTest, keys_are_fetched_when_the_issuer_answers) {
  const auto checker = open(kQuick);
  uint64_t version = 0;
  Verdict verdict = checker->check(old_.token(kCheckedClaims), version);
  EXPECT_TRUE(verdict.lacks_key);
  await(*checker, version);  // the failure ends the wait, too
  EXPECT_TRUE(checker->check(old_.token(kCheckedClaims), version).lacks_key);
  issuer_.publish(old_.key_set());
  await_valid(*checker, old_.token(kCheckedClaims));
}

TEST_F(TokenCheckerTest, a_new_key_is_fetched_for_its_first_token) {
  issuer_.publish(old_.key_set());
  const auto checker = open(kQuick);
  await_valid(*checker, old_.token(kCheckedClaims));
  issuer_.publish(new_.key_set());
  uint64_t version = 0;
  EXPECT_TRUE(checker->check(old_.token(kCheckedClaims), version).grant)
      << "nothing has asked for keys";
  await_valid(*checker, new_.token(kCheckedClaims));
  EXPECT_FALSE(checker->check(old_.token(kCheckedClaims), version).grant)
      << "the key was withdrawn";
}

TEST_F(TokenCheckerTest, old_keys_stay_while_the_issuer_is_away) {
  issuer_.publish(old_.key_set());
  const auto checker = open(kQuick);
  await_valid(*checker, old_.token(kCheckedClaims));
  issuer_.publish("");
  const int before = issuer_.fetches;
  uint64_t version = 0;
  EXPECT_TRUE(checker->check(new_.token(kCheckedClaims), version).lacks_key);
  await(*checker, version);
  EXPECT_GT(issuer_.fetches, before);
  EXPECT_TRUE(checker->check(old_.token(kCheckedClaims), version).grant);
  issuer_.publish("<html>");
  await(*checker, version);
  EXPECT_TRUE(checker->check(old_.token(kCheckedClaims), version).grant);
}

TEST_F(TokenCheckerTest, a_caller_that_has_seen_old_keys_does_not_wait) {
  issuer_.publish(old_.key_set());
  const auto checker = open({.least_gap_ms = 3'600'000});
  await_valid(*checker, old_.token(kCheckedClaims));
  const int before = issuer_.fetches;
  await(*checker, 0);
  EXPECT_EQ(issuer_.fetches, before);
}

TEST_F(TokenCheckerTest, a_caller_that_cannot_go_on_is_called_again) {
  issuer_.publish(old_.key_set());
  const auto checker = open(kQuick);
  std::promise<void> done;
  int calls = 0;
  ASSERT_TRUE(checker->after_refresh(0, [&] {
    if (++calls < 3) return false;
    done.set_value();
    return true;
  }));
  done.get_future().wait();
  EXPECT_EQ(calls, 3);
}

TEST_F(TokenCheckerTest, unknown_keys_cause_few_fetches) {
  issuer_.publish(old_.key_set());
  const auto checker = open({.least_gap_ms = 3'600'000});
  await_valid(*checker, old_.token(kCheckedClaims));
  const int before = issuer_.fetches;
  std::atomic<int> called = 0;
  uint64_t version = 0;
  EXPECT_TRUE(checker->check(new_.token(kCheckedClaims), version).lacks_key);
  for (int i = 0; i < 1'000; ++i)
    ASSERT_TRUE(checker->after_refresh(version, [&] { return ++called, true; }));
  EXPECT_FALSE(checker->after_refresh(version, [] { return true; })) << "too many wait";
  EXPECT_EQ(issuer_.fetches, before);
  checker->stop();
  EXPECT_EQ(called, 1'000) << "the stop answers all";
  EXPECT_EQ(issuer_.fetches, before);
  EXPECT_FALSE(checker->after_refresh(version, [] { return true; }));
}

TEST_F(TokenCheckerTest, a_request_of_the_operator_is_not_limited) {
  issuer_.publish(old_.key_set());
  const auto checker = open({.least_gap_ms = 3'600'000});
  await_valid(*checker, old_.token(kCheckedClaims));
  issuer_.publish(new_.key_set());
  uint64_t version = 0;
  EXPECT_TRUE(checker->check(new_.token(kCheckedClaims), version).lacks_key);
  std::promise<void> done;
  ASSERT_TRUE(checker->after_refresh(version, [&] {
    done.set_value();
    return true;
  }));
  checker->refresh();
  done.get_future().wait();
  EXPECT_TRUE(checker->check(new_.token(kCheckedClaims), version).grant);
}

TEST_F(TokenCheckerTest, a_secret_needs_no_keys) {
  const std::string secret(32, 's');
  TokenChecker checker({.secret = secret}, "", nullptr, {}, clock_);
  uint64_t version = 0;
  EXPECT_TRUE(checker.check(token_with_secret(secret, kCheckedClaims), version).grant);
  EXPECT_TRUE(checker.check(new_.token(kCheckedClaims), version).lacks_key);
  EXPECT_FALSE(checker.after_refresh(version, [] { return true; }));
}

}  // namespace
}  // namespace server::auth::oauth
