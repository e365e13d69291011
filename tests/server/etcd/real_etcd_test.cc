// Tests the client, and the classes that use it, against Debian's etcd-server.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "server/etcd/etcd_gateway.h"
#include "storage/meta/controller_lease.h"
#include "storage/meta/etcd_metadata_log.h"
#include "tests/server/etcd/mailbox.h"

using namespace server;
using storage::EtcdLease;
using storage::EtcdRange;
using storage::EtcdRevision;

namespace {

constexpr const char* kProgram = "/usr/bin/etcd";

// Runs one etcd in a folder of its own, and kills it at the end.
class EtcdServer {
 public:
  EtcdServer() : folder_(testing::TempDir() + fmt::format("etcd-{}", getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    start();
  }
  ~EtcdServer() {
    kill();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    const std::vector<std::string> arguments = {kProgram,
                                                "--data-dir",
                                                folder_ + "/data",
                                                "--listen-client-urls",
                                                endpoint(),
                                                "--advertise-client-urls",
                                                endpoint(),
                                                "--listen-peer-urls",
                                                "http://127.0.0.1:0",
                                                "--unsafe-no-fsync",
                                                "--log-level",
                                                "error"};
    std::vector<char*> words;
    for (const std::string& each : arguments) words.push_back(const_cast<char*>(each.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, (folder_ + "/log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    EXPECT_EQ(posix_spawn(&process_, kProgram, &files, nullptr, words.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
  }
  void kill() {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  // Returns a port that no other test uses at the same time: each process of tests has one.
  static std::string endpoint() {
    return fmt::format("http://127.0.0.1:{}", 20'000 + getpid() % 10'000);
  }

 private:
  const std::string folder_;
  pid_t process_ = 0;
};

class RealEtcd : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kProgram)) GTEST_SKIP() << "etcd-server is not installed";
    server = std::make_unique<EtcdServer>();
    // etcd answers as soon as it has elected itself.
    ASSERT_TRUE(mailbox.run_until([&] {
      if (!is_asking) {
        is_asking = true;
        etcd.find({"a", "b"}, [&](const Result<storage::EtcdFound>& found) {
          is_asking = false;
          is_there |= found.has_value();
        });
      }
      return is_there;
    }));
  }
  template <class T>
  Result<T> wait(const std::function<void(storage::EtcdClient::Answer<T>)>& ask) {
    std::optional<Result<T>> result;
    ask([&](Result<T> answer) { result = std::move(answer); });
    EXPECT_TRUE(mailbox.run_until([&] { return result.has_value(); }));
    return *result;
  }
  Result<storage::EtcdOutcome> commit(const storage::EtcdTransaction& transaction) {
    return wait<storage::EtcdOutcome>(
        [&](auto answer) { etcd.commit(transaction, std::move(answer)); });
  }
  // Calls all `ticks` repeatedly until `is_done` returns true.
  bool tick_until(const std::vector<std::function<void()>>& ticks,
                  const std::function<bool()>& is_done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_done() && std::chrono::steady_clock::now() < end) {
      for (const auto& tick : ticks) tick();
      mailbox.run_until(is_done, std::chrono::milliseconds(5));
    }
    return is_done();
  }

  SystemClock clock;
  Mailbox mailbox;
  EtcdGateway etcd{{.endpoints = {EtcdServer::endpoint()}, .page_keys = 3},
                   clock,
                   [this](std::function<void()> task) { mailbox.post(std::move(task)); }};
  std::unique_ptr<EtcdServer> server;
  bool is_asking = false, is_there = false;
};

}  // namespace

TEST_F(RealEtcd, transactions_hold_to_their_conditions) {
  const std::string value("\0\xff bytes", 8);
  storage::EtcdTransaction make;
  make.conditions.push_back({"a/1", EtcdRevision{0}});
  make.puts.push_back({"a/1", value});
  const auto made = commit(make);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->is_done);
  const auto again = commit(make);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_done);
  const auto found = wait<storage::EtcdFound>([&](auto answer) {
    etcd.find({"a/", "a0"}, std::move(answer));
  });
  ASSERT_TRUE(found);
  ASSERT_EQ(found->entries.size(), 1U);
  EXPECT_EQ(found->entries[0].value, value);
  EXPECT_EQ(found->entries[0].created, made->revision);
  storage::EtcdTransaction replace;
  replace.conditions.push_back({"a/1", made->revision});
  replace.puts.push_back({"a/2", ""});
  replace.removals.push_back(EtcdRange::only("a/1"));
  const auto replaced = commit(replace);
  ASSERT_TRUE(replaced);
  EXPECT_TRUE(replaced->is_done);
}

TEST_F(RealEtcd, ranges_are_read_in_pages) {
  for (int i = 0; i < 10; ++i) {
    storage::EtcdTransaction put;
    put.puts.push_back({fmt::format("p/{}", i), "x"});
    ASSERT_TRUE(commit(put));
  }
  const auto found = wait<storage::EtcdFound>([&](auto answer) {
    etcd.find({"p/", "p0"}, std::move(answer));
  });
  ASSERT_TRUE(found);
  ASSERT_EQ(found->entries.size(), 10U);
  EXPECT_EQ(found->entries[9].key, "p/9");
}

TEST_F(RealEtcd, transactions_respect_their_conditions) {
  storage::EtcdTransaction put;
  put.unchanged.push_back({"u", EtcdRevision{0}});
  put.puts.push_back({"u", "1"});
  const auto first = commit(put);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_done);
  EXPECT_FALSE(commit(put)->is_done);
  put.unchanged = {{"u", first->revision}};
  EXPECT_TRUE(commit(put)->is_done);
  EXPECT_FALSE(commit(put)->is_done);
}

TEST_F(RealEtcd, the_first_key_of_a_range_is_found_alone) {
  for (int i = 0; i < 5; ++i) {
    storage::EtcdTransaction put;
    put.puts.push_back({fmt::format("f/{}", i), "x"});
    ASSERT_TRUE(commit(put));
  }
  const auto found = wait<storage::EtcdFound>([&](auto answer) {
    etcd.find_first({"f/1", "f0"}, std::move(answer));
  });
  ASSERT_TRUE(found);
  ASSERT_EQ(found->entries.size(), 1U);
  EXPECT_EQ(found->entries[0].key, "f/1");
}

TEST_F(RealEtcd, a_compacted_revision_cannot_be_watched_and_the_member_stays_in_use) {
  EtcdRevision last;
  for (int i = 0; i < 5; ++i) {
    storage::EtcdTransaction put;
    put.puts.push_back({"h", fmt::format("{}", i)});
    last = commit(put)->revision;
  }
  const auto compact = [&] {
    return wait<EtcdRevision>([&](auto answer) { etcd.compact(last, std::move(answer)); });
  };
  ASSERT_TRUE(compact());
  EXPECT_EQ(compact().error().code, ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(etcd.trouble(), "");
  std::optional<ErrorCode> told;
  const auto watch = etcd.watch(EtcdRange::only("h"), EtcdRevision{2},
                                [&](const Result<storage::EtcdEvents>& events) {
                                  if (!events) told = events.error().code;
                                });
  ASSERT_TRUE(mailbox.run_until([&] { return told.has_value(); }));
  EXPECT_EQ(told, ErrorCode::OffsetOutOfRange);
}

TEST_F(RealEtcd, leases_end_without_keep_alives) {
  const auto lease =
      wait<EtcdLease>([&](auto answer) { etcd.grant_lease(1'000, std::move(answer)); });
  ASSERT_TRUE(lease);
  storage::EtcdTransaction put;
  put.puts.push_back({"leased", "x", *lease});
  ASSERT_TRUE(commit(put));
  EXPECT_TRUE(wait<EtcdLease>([&](auto answer) { etcd.keep_alive(*lease, std::move(answer)); }));
  std::optional<storage::EtcdEvent> event;
  const auto watch = etcd.watch(EtcdRange::only("leased"), EtcdRevision{1},
                                [&](const Result<storage::EtcdEvents>& events) {
                                  ASSERT_TRUE(events);
                                  for (const auto& each : events->events)
                                    if (!each.entry) event = each;
                                });
  ASSERT_TRUE(mailbox.run_until([&] { return event.has_value(); }));
  const auto gone =
      wait<EtcdLease>([&](auto answer) { etcd.keep_alive(*lease, std::move(answer)); });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::OffsetOutOfRange);
}

// Two nodes append to one metadata log, while etcd is killed and restarted.
TEST_F(RealEtcd, the_metadata_log_of_two_nodes_is_the_same) {
  struct Node {
    Node(storage::EtcdClient& etcd, const Clock& clock, uint64_t seed)
        : random(seed),
          log(etcd, "/m/", clock, random,
              {.tell =
                   [this](const auto& record) { told.push_back(record.command.parts.at(0).bytes); },
               .load = [](const auto&) { return Status(); }}) {}
    Random random;
    std::vector<std::string> told;
    storage::EtcdMetadataLog log;
    int appended = 0;
    bool is_appending = false;
  };
  Node one(etcd, clock, 1), two(etcd, clock, 2);
  const auto append = [](Node& node, const std::string& name) {
    if (node.is_appending || node.appended == 20) return;
    node.is_appending = true;
    storage::MetadataCommand command;
    command.parts.push_back({"test", fmt::format("{}{}", name, node.appended)});
    node.log.append(node.log.last_revision(), command, {}, [&node](const auto& revision) {
      node.is_appending = false;
      node.appended += revision ? 1 : 0;
    });
  };
  bool was_killed = false;
  const auto disturb = [&] {
    if (was_killed || one.told.size() < 10) return;
    was_killed = true;
    server->kill();
    server->start();
  };
  ASSERT_TRUE(tick_until({[&] { one.log.tick(); }, [&] { two.log.tick(); }, [&] { etcd.tick(); },
                          [&] { append(one, "one"); }, [&] { append(two, "two"); }, disturb},
                         [&] { return one.told.size() == 40 && two.told.size() == 40; }));
  EXPECT_EQ(one.told, two.told);
  EXPECT_TRUE(was_killed);
}

// Requests of the previous process may still arrive at etcd.
TEST_F(RealEtcd, the_key_of_the_process_before_is_not_held_by_the_next_one_of_the_node) {
  const auto make = [&] {
    return std::make_unique<storage::ControllerLease>(etcd, "/left", NodeId{1}, 5'000, clock,
                                                      [](const auto&) {});
  };
  auto first = make();
  ASSERT_TRUE(tick_until({[&] { first->tick(); }}, [&] { return first->is_held(); }));
  EXPECT_FALSE(first->is_left_over());
  const EtcdRevision created = first->controller()->created;
  first.reset();
  const auto second = make();
  ASSERT_TRUE(
      tick_until({[&] { second->tick(); }}, [&] { return second->controller().has_value(); }));
  EXPECT_FALSE(second->is_held());
  EXPECT_TRUE(second->is_left_over());
  second->depose(*second->controller());
  ASSERT_TRUE(tick_until({[&] { second->tick(); }}, [&] { return second->is_held(); }));
  EXPECT_GT(second->controller()->created, created);
}

// The process of a removed node may still run, so it must not become the controller again.
TEST_F(RealEtcd, a_retired_controller_gives_the_key_back_and_does_not_take_it_again) {
  storage::ControllerLease first(etcd, "/r", NodeId{1}, 5'000, clock, [](const auto&) {});
  ASSERT_TRUE(tick_until({[&] { first.tick(); }}, [&] { return first.is_held(); }));
  first.retire();
  ASSERT_TRUE(tick_until({[&] { first.tick(); }}, [&] { return !first.is_held(); }));
  storage::ControllerLease second(etcd, "/r", NodeId{2}, 5'000, clock, [](const auto&) {});
  ASSERT_TRUE(tick_until({[&] { first.tick(); }, [&] { second.tick(); }},
                         [&] { return second.is_held(); }));
  EXPECT_TRUE(second.resign(60'000'000));
  ASSERT_TRUE(tick_until({[&] { first.tick(); }, [&] { second.tick(); }},
                         [&] { return !second.is_held(); }));
  int ticks = 0;
  ASSERT_TRUE(tick_until({[&] { first.tick(); }}, [&] { return ++ticks > 50; }));
  EXPECT_FALSE(first.controller());
}

TEST_F(RealEtcd, the_next_controller_follows_when_the_first_is_silent) {
  using Controller = storage::ControllerLease::Controller;
  std::optional<Controller> seen;
  auto first = std::make_unique<storage::ControllerLease>(etcd, "/c", NodeId{1}, 1'000, clock,
                                                          [](const auto&) {});
  ASSERT_TRUE(tick_until({[&] { first->tick(); }}, [&] { return first->is_held(); }));
  storage::ControllerLease second(etcd, "/c", NodeId{2}, 1'000, clock,
                                  [&](const auto& controller) { seen = controller; });
  ASSERT_TRUE(tick_until({[&] { first->tick(); }, [&] { second.tick(); }},
                         [&] { return seen.has_value(); }));
  EXPECT_EQ(seen->node, NodeId{1});
  ASSERT_TRUE(tick_until({[&] { second.tick(); }}, [&] { return second.is_held(); }));
}
