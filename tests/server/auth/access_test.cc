#include "server/auth/access.h"

#include <gtest/gtest.h>

#include <fstream>

namespace server::auth {
namespace {

class Directory final : public UserDirectory {
 public:
  std::optional<Account> find(const std::string& user) const override {
    const auto found = accounts.find(user);
    return found == accounts.end() ? std::nullopt : std::optional(found->second);
  }
  std::string secret() const override { return "secret"; }
  bool may_insert(const std::string&, const std::string&) const override { return false; }

  std::map<std::string, Account> accounts = {
      {"ann",
       {.may_login = true,
        .verifiers = {{"SCRAM-SHA-256", to_text(make_verifier(Hash::Sha256, "geheim", "salt"))}},
        .roles = {"ann"}}},
      {"kate",
       {.may_login = true,
        .verifiers = {{"SCRAM-SHA-512", to_text(make_verifier(Hash::Sha512, "geheim", "salt"))}}}},
      {"staff", {}}};
};

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    write("host all all 10.0.0.0/8 scram-sha-256\nhost all all 127.0.0.1/32 reject\n");
    access_ = std::move(Access::open(path_, users_)).value();
  }
  void write(std::string_view rules) { std::ofstream(path_) << rules; }

  const std::string path_ = testing::TempDir() + "millrace_access_test.conf";
  Directory users_;
  std::unique_ptr<Access> access_;
};

TEST_F(AccessTest, without_a_file_everybody_may_come_in) {
  const auto open = std::move(Access::open("", users_)).value();
  EXPECT_TRUE(open->is_open());
  EXPECT_EQ(open->admit("x", "nobody", {}).value(), Method::Trust);
}

TEST_F(AccessTest, rules_are_reported_in_postgresqls_words) {
  EXPECT_EQ(access_->admit("shop", "ann", {.peer_host = "10.1.1.1"}).value(), Method::Password);
  EXPECT_EQ(access_->admit("shop", "ann", {.peer_host = "127.0.0.1"}).error().message,
            "pg_hba.conf rejects connection for host \"127.0.0.1\", user \"ann\", database "
            "\"shop\", no encryption");
  EXPECT_EQ(
      access_->admit("shop", "ann", {.peer_host = "8.8.8.8", .has_tls = true}).error().message,
      "no pg_hba.conf entry for host \"8.8.8.8\", user \"ann\", database \"shop\", SSL "
      "encryption");
  EXPECT_FALSE(access_->admit("shop", "ann", {.peer_host = "unknown"}));
}

TEST_F(AccessTest, a_file_with_a_mistake_changes_nothing) {
  write("host all all 127.0.0.1/32 trust\nhost all\n");
  EXPECT_EQ(access_->reload().error().message,
            "the access file " + path_ + ", line 2: the user is missing");
  EXPECT_FALSE(access_->admit("shop", "ann", {.peer_host = "127.0.0.1"}));
  write("host all all 127.0.0.1/32 trust\n");
  ASSERT_TRUE(access_->reload());
  EXPECT_EQ(access_->admit("shop", "ann", {.peer_host = "127.0.0.1"}).value(), Method::Trust);
  EXPECT_FALSE(Access::open("/nowhere/at/all", users_));
}

TEST_F(AccessTest, tokens_need_keys) {
  write("host all all all scram-sha-256\nhost kafka all all oauth\n");
  const Status refused = access_->reload();
  EXPECT_EQ(refused.error().message, "the access file " + path_ +
                                         ", line 2: the method oauth requires the keys of the "
                                         "tokens' issuer");
  EXPECT_NE(refused.error().hint.find("--sasl-oauthbearer-jwks-endpoint-url"), std::string::npos);
}

TEST_F(AccessTest, a_proof_is_of_the_required_kind) {
  EXPECT_TRUE(Access::check_proof("ann", Method::Token, Method::Token));
  EXPECT_TRUE(Access::check_proof("ann", Method::Password, Method::Password));
  EXPECT_TRUE(Access::check_proof("ann", Method::Trust, Method::Token));
  EXPECT_FALSE(Access::check_proof("ann", Method::Token, Method::Password));
  EXPECT_FALSE(Access::check_proof("ann", Method::Password, Method::Token));
}

TEST_F(AccessTest, passwords_exist_for_users_with_one) {
  EXPECT_TRUE(access_->check_password("ann", "geheim"));
  EXPECT_TRUE(access_->check_password("kate", "geheim"));  // kate has only a verifier with SHA-512
  for (const std::string user : {"ann", "kate", "staff", "nobody"})
    EXPECT_EQ(access_->check_password(user, "other").error().code, ErrorCode::InvalidPassword)
        << user;
  EXPECT_FALSE(access_->check_password("ann", std::string(5000, 'x')));
}

TEST_F(AccessTest, roles_without_login_are_refused_after_authentication) {
  EXPECT_TRUE(access_->check_login("ann"));
  EXPECT_EQ(access_->check_login("staff").error().message,
            "role \"staff\" is not permitted to log in");
  EXPECT_EQ(access_->check_login("nobody").error().message, "role \"nobody\" does not exist");
  EXPECT_TRUE(access_->check_certificate("ann", {.peer_host = {}, .certificate_name = "ann"}));
  EXPECT_FALSE(access_->check_certificate("ann", {.peer_host = {}, .certificate_name = "bob"}));
  EXPECT_FALSE(access_->check_certificate("", {}));
}

}  // namespace
}  // namespace server::auth
