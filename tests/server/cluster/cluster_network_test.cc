#include "server/cluster/cluster_network.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "server/cluster/node_wire.h"
#include "server/net/connection.h"
#include "server/net/listener.h"

using namespace server;

namespace {

struct Node final : ClusterNetwork::Handler {
  Node(Loop& loop, const std::string& cluster, int32_t id, uint16_t port = 0,
       std::optional<NodeTlsFiles> tls = {}, bool knows_nodes = true, int64_t answer_ms = 0,
       int64_t connect_ms = 1'000) {
    ClusterNetworkOptions options;
    options.cluster_id = cluster;
    options.self = NodeId{id};
    options.listen = {"127.0.0.1", port};
    options.retry_ms = 5;
    options.connect_ms = connect_ms;
    if (answer_ms > 0) {
      options.ask_ms = answer_ms / 10;
      options.answer_ms = answer_ms;
    }
    options.tls = std::move(tls);
    auto opened = ClusterNetwork::open(loop, options, clock, *this);
    EXPECT_TRUE(opened);
    network = *std::move(opened);
    // The nodes are registered, and their addresses are not known yet.
    for (const int32_t each : {1, 2, 3}) known[NodeId{each}] = {};
    if (knows_nodes) network->set_nodes(known);
  }
  void on_message(NodeId from, ClusterMessage message) override {
    came.emplace_back(from, std::get<Heartbeat>(message).applied);
  }
  void on_connected(NodeId node) override { ++connections[node]; }
  void on_gone(NodeId node) override { gone.push_back(node); }
  void know(int32_t id, const Address& at) {
    known[NodeId{id}] = at.to_string();
    network->set_nodes(known);
  }
  void beat(int32_t to, int64_t number) {
    network->send(NodeId{to}, Heartbeat{NodeId{0}, {}, Revision{number}});
  }
  // Whether another process with this node's number answers at the address; empty until the answer is known.
  std::optional<bool> other;
  void look_for_other(const Address& at) {
    other.reset();
    network->find_other(at, [this](bool is_one) { other = is_one; });
  }
  bool knows(int32_t id) const { return network->connected().contains(NodeId{id}); }

  SystemClock clock;
  std::map<NodeId, std::string> known;
  std::unique_ptr<ClusterNetwork> network;
  std::vector<std::pair<NodeId, Revision>> came;
  std::vector<NodeId> gone;
  std::map<NodeId, int> connections;
};

// Runs the loop until the condition holds; returns false if that takes too long.
bool run_until(Loop& loop, const std::vector<Node*>& nodes, const std::function<bool()>& is_so) {
  int ticks_left = 2'000;
  Timer timer(loop, "test", [&] {
    for (Node* node : nodes)
      if (node->network) node->network->tick();
    if (is_so() || --ticks_left == 0) loop.stop();
  });
  timer.start_every(5);
  loop.run();
  return ticks_left > 0;
}

}  // namespace

TEST(ClusterNetwork, messages_come_from_nodes_that_have_greeted) {
  Loop loop;
  Node one(loop, "blue", 1), two(loop, "blue", 2);
  one.know(2, two.network->address());
  two.know(1, one.network->address());
  one.beat(2, 1);  // the beat is lost, because no connection exists yet
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return one.knows(2) && two.knows(1); }));
  one.beat(2, 2);
  one.beat(2, 3);
  two.beat(1, 4);
  ASSERT_TRUE(
      run_until(loop, {&one, &two}, [&] { return two.came.size() == 2 && one.came.size() == 1; }));
  EXPECT_EQ(two.came[0], std::pair(NodeId{1}, Revision{2}));
  EXPECT_EQ(two.came[1], std::pair(NodeId{1}, Revision{3}));
  EXPECT_EQ(one.came[0], std::pair(NodeId{2}, Revision{4}));
}

TEST(ClusterNetwork, a_program_that_does_not_know_the_level_of_the_cluster_is_refused) {
  Loop loop;
  Node one(loop, "blue", 1), two(loop, "blue", 2);
  one.know(2, two.network->address());
  two.network->require(storage::kNewestLevel);
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return one.knows(2); }));
  // The greeting of a node contains the newest level that its program knows.
  two.network->require(storage::kNewestLevel + 1);
  one.know(2, {"127.0.0.1", 1});
  one.know(2, two.network->address());
  run_until(loop, {&one, &two}, [n = 0]() mutable { return ++n > 20; });
  EXPECT_FALSE(one.knows(2));
}

TEST(ClusterNetwork, a_message_to_oneself_comes_later) {
  Loop loop;
  Node one(loop, "blue", 1);
  one.beat(1, 5);
  EXPECT_TRUE(one.came.empty());
  ASSERT_TRUE(run_until(loop, {&one}, [&] { return one.came.size() == 1; }));
  EXPECT_EQ(one.came[0], std::pair(NodeId{1}, Revision{5}));
}

TEST(ClusterNetwork, a_node_of_another_cluster_or_for_another_node_is_refused) {
  Loop loop;
  Node red(loop, "red", 1), blue(loop, "blue", 2), other(loop, "blue", 3);
  red.know(2, blue.network->address());    // blue belongs to another cluster
  other.know(1, blue.network->address());  // node 2 listens at this address
  run_until(loop, {&red, &blue, &other}, [n = 0]() mutable { return ++n > 20; });
  EXPECT_FALSE(red.knows(2));
  EXPECT_FALSE(other.knows(1));
  red.beat(2, 1);
  other.beat(1, 1);
  run_until(loop, {&red, &blue, &other}, [n = 0]() mutable { return ++n > 5; });
  EXPECT_TRUE(blue.came.empty());
}

TEST(ClusterNetwork, another_process_of_the_same_number_is_found) {
  Loop loop;
  Node one(loop, "blue", 1), again(loop, "blue", 1), two(loop, "blue", 2), red(loop, "red", 1);
  const auto finds = [&](Node& node, const Address& at) {
    node.look_for_other(at);
    EXPECT_TRUE(
        run_until(loop, {&one, &again, &two, &red}, [&] { return node.other.has_value(); }));
    return node.other.value_or(false);
  };
  EXPECT_TRUE(finds(again, one.network->address()));
  EXPECT_TRUE(finds(one, again.network->address()));
  EXPECT_FALSE(finds(one, one.network->address())) << "that is itself";
  EXPECT_FALSE(finds(one, two.network->address())) << "a node of another number";
  EXPECT_FALSE(finds(one, red.network->address())) << "of another cluster";
  const Address gone = two.network->address();
  two.network.reset();
  EXPECT_FALSE(finds(one, gone)) << "nobody is there";
  // After its start, the node does not know the addresses of the other nodes yet.
  Node new_one(loop, "blue", 1, 0, {}, false);
  EXPECT_TRUE(finds(one, new_one.network->address()));
}

TEST(ClusterNetwork, a_node_that_does_not_know_the_others_yet_admits_them_later) {
  Loop loop;
  Node one(loop, "blue", 1), two(loop, "blue", 2, 0, {}, false);
  one.know(2, two.network->address());
  run_until(loop, {&one, &two}, [n = 0]() mutable { return ++n > 20; });
  EXPECT_FALSE(one.knows(2));
  two.know(1, one.network->address());
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return one.knows(2) && two.knows(1); }));
}

TEST(ClusterNetwork, a_node_that_is_gone_is_noticed_and_found_again) {
  Loop loop;
  Node one(loop, "blue", 1);
  auto two = std::make_unique<Node>(loop, "blue", 2);
  const Address address = two->network->address();
  one.know(2, address);
  ASSERT_TRUE(run_until(loop, {&one, two.get()}, [&] { return one.knows(2); }));
  EXPECT_EQ(one.connections[NodeId{2}], 1);
  ASSERT_TRUE(run_until(loop, {&one, two.get()}, [&] { return two->connections[NodeId{1}] == 1; }))
      << "the node to which the connection leads is notified, too";
  two.reset();
  ASSERT_TRUE(run_until(loop, {&one}, [&] { return !one.gone.empty(); }));
  EXPECT_FALSE(one.knows(2));
  run_until(loop, {&one}, [n = 0]() mutable { return ++n > 10; });
  EXPECT_EQ(one.gone, std::vector{NodeId{2}});  // reported once
  two = std::make_unique<Node>(loop, "blue", 2, address.port);
  ASSERT_TRUE(run_until(loop, {&one, two.get()}, [&] { return one.knows(2); }));
  EXPECT_EQ(one.connections[NodeId{2}], 2);
}

namespace {

// A node that answers greetings until the test makes it unreachable like an overloaded machine: from then on its port
// accepts no connection, and new connections get no answer.
class Overloaded {
 public:
  Overloaded() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(listener_.fd(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(listen(listener_.fd(), 0), 0);
    EXPECT_EQ(getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    address_ = at;
  }
  Address address() const { return {"127.0.0.1", ntohs(address_.sin_port)}; }
  void serve() {
    if (guest_.fd() < 0)
      guest_ = Socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    std::array<char, 1'000> greeting;
    if (guest_.fd() < 0 || recv(guest_.fd(), greeting.data(), greeting.size(), 0) <= 0) return;
    const std::string answer = encode_hello_answer({});
    EXPECT_EQ(send(guest_.fd(), answer.data(), answer.size(), 0),
              static_cast<ssize_t>(answer.size()));
  }
  void disappear() {
    for (int i = 0; i < 4; ++i)  // fills the queue of the listener
      connect(waiting_.emplace_back(make()).fd(), reinterpret_cast<const sockaddr*>(&address_),
              sizeof address_);
    guest_ = Socket();
  }

 private:
  static Socket make() {
    return Socket(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  }
  Socket listener_ = make(), guest_;
  std::vector<Socket> waiting_;
  sockaddr_in address_{};
};

}  // namespace

TEST(ClusterNetwork, a_node_that_does_not_answer_is_not_reported_as_gone) {
  Loop loop;
  Overloaded two;
  Node one(loop, "blue", 1, 0, {}, true, 0, 100);
  one.know(2, two.address());
  const auto is_known = [&] {
    two.serve();
    return one.knows(2);
  };
  ASSERT_TRUE(run_until(loop, {&one}, is_known));
  two.disappear();
  // Several attempts to connect time out.
  run_until(loop, {&one}, [n = 0]() mutable { return ++n > 100; });
  EXPECT_FALSE(one.knows(2));
  EXPECT_TRUE(one.gone.empty());
}

namespace {

// Reads all bytes and answers at most `answers` greetings, like a path between two nodes that accepts bytes but no
// longer delivers them.
class Silent {
 public:
  Silent(Loop& loop, int answers) : answers_(answers) {
    auto listener = Listener::open(loop, {"127.0.0.1", 0}, [this, &loop](Socket socket) {
      guests_.push_back(std::make_unique<Guest>(*this, loop, std::move(socket)));
    });
    EXPECT_TRUE(listener);
    listener_ = *std::move(listener);
  }
  const Address& address() const { return listener_->address(); }
  size_t came() const { return guests_.size(); }
  size_t gone = 0;

 private:
  struct Guest final : ConnectionHandler {
    Guest(Silent& its_owner, Loop& loop, Socket socket)
        : owner(its_owner), left(owner.answers_), connection(loop, std::move(socket), *this) {}
    void on_input(std::string_view) override {
      if (left-- > 0) connection.write(encode_hello_answer({}));
    }
    void on_drained() override {}
    void on_closed() override { ++owner.gone; }
    Silent& owner;
    int left;
    Connection connection;
  };
  const int answers_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Guest>> guests_;
};

}  // namespace

TEST(ClusterNetwork, a_connection_on_which_nothing_arrives_is_given_up) {
  Loop loop;
  Silent silent(loop, 2);
  Node one(loop, "blue", 1, 0, {}, true, 100);
  one.know(2, silent.address());
  ASSERT_TRUE(run_until(loop, {&one}, [&] { return silent.came() == 2 && silent.gone == 1; }));
}

TEST(ClusterNetwork, a_node_that_does_not_know_the_question_is_not_given_up) {
  Loop loop;
  Silent silent(loop, 1);
  Node one(loop, "blue", 1, 0, {}, true, 100);
  one.know(2, silent.address());
  run_until(loop, {&one}, [n = 0]() mutable { return ++n > 100; });
  EXPECT_EQ(silent.came(), 1U);
  EXPECT_TRUE(one.knows(2));
}

TEST(ClusterNetwork, a_connection_on_which_all_arrives_stays) {
  Loop loop;
  Node one(loop, "blue", 1, 0, {}, true, 100), two(loop, "blue", 2);
  two.know(1, one.network->address());
  one.know(2, two.network->address());
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return one.knows(2); }));
  bool was_lost = false;
  run_until(loop, {&one, &two}, [&, n = 0]() mutable {
    was_lost |= !one.knows(2);
    return ++n > 100;
  });
  EXPECT_FALSE(was_lost);
}

TEST(ClusterNetwork, a_large_message_comes_whole) {
  Loop loop;
  struct Taker final : ClusterNetwork::Handler {
    void on_message(NodeId, ClusterMessage message) override {
      batches = std::get<storage::ReplicaFetched>(message).batches.view();
    }
    void on_connected(NodeId) override {}
    void on_gone(NodeId) override {}
    std::string batches;
  } taker;
  Node one(loop, "blue", 1);
  ClusterNetworkOptions options;
  options.cluster_id = "blue";
  options.self = NodeId{2};
  options.listen = {"127.0.0.1", 0};
  auto two = ClusterNetwork::open(loop, options, one.clock, taker);
  ASSERT_TRUE(two);
  (*two)->set_nodes({{NodeId{1}, {}}});
  one.know(2, (*two)->address());
  ASSERT_TRUE(run_until(loop, {&one}, [&] { return one.knows(2); }));
  std::string batches;
  for (int i = 0; i < 4'000'000; ++i) batches += static_cast<char>(i * 7);
  storage::ReplicaFetched fetched;
  fetched.batches = batches;
  one.network->send(NodeId{2}, fetched);
  ASSERT_TRUE(run_until(loop, {&one}, [&] { return !taker.batches.empty(); }));
  EXPECT_EQ(taker.batches, batches);
}

TEST(ClusterNetwork, a_node_that_the_metadata_do_not_know_is_refused) {
  Loop loop;
  Node one(loop, "blue", 1), two(loop, "blue", 2);
  two.known.erase(NodeId{1});
  two.network->set_nodes(two.known);
  one.know(2, two.network->address());
  run_until(loop, {&one, &two}, [n = 0]() mutable { return ++n > 20; });
  EXPECT_FALSE(one.knows(2));
  two.know(1, one.network->address());
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return one.knows(2) && two.knows(1); }));
  // After the removal of node 1, node 2 no longer knows it.
  two.known.erase(NodeId{1});
  two.network->set_nodes(two.known);
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return !one.knows(2); }));
}

namespace {

// Certificates made with the program openssl: an authority, and certificates that it has signed.
class Certificates {
 public:
  explicit Certificates(const std::string& name)
      : folder_(std::filesystem::temp_directory_path() /
                ("millrace-" + Uuid::random().to_string())) {
    std::filesystem::create_directory(folder_);
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=" + name);
    run("req -newkey rsa:2048 -nodes -keyout node.key -out node.csr -subj /CN=node");
    run("x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out node.pem -days 2");
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }
  NodeTlsFiles files() const {
    return {folder_ / "node.pem", folder_ / "node.key", folder_ / "ca.pem"};
  }

 private:
  void run(const std::string& arguments) const {
    const std::string line =
        "cd " + folder_.string() + " && openssl " + arguments + " >/dev/null 2>&1";
    EXPECT_EQ(std::system(line.c_str()), 0) << line;
  }
  const std::filesystem::path folder_;
};

}  // namespace

TEST(ClusterNetwork, nodes_with_certificates_of_one_authority_hear_each_other_and_no_others) {
  const Certificates ours("ours"), theirs("theirs");
  Loop loop;
  Node one(loop, "blue", 1, 0, ours.files()), two(loop, "blue", 2, 0, ours.files());
  one.know(2, two.network->address());
  two.know(1, one.network->address());
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return one.knows(2) && two.knows(1); }));
  for (int i = 0; i < 1'000; ++i) one.beat(2, i);
  ASSERT_TRUE(run_until(loop, {&one, &two}, [&] { return two.came.size() == 1'000; }));
  EXPECT_EQ(two.came.back(), std::pair(NodeId{1}, Revision{999}));

  Node plain(loop, "blue", 3), stranger(loop, "blue", 3, 0, theirs.files());
  for (Node* other : {&plain, &stranger}) {
    other->know(2, two.network->address());
    two.know(3, other->network->address());
    run_until(loop, {&two, other}, [n = 0]() mutable { return ++n > 40; });
    EXPECT_FALSE(other->knows(2));
    EXPECT_FALSE(two.knows(3));
    EXPECT_TRUE(other->came.empty());
  }
  EXPECT_EQ(two.came.size(), 1'000u);

  Node again(loop, "blue", 1, 0, ours.files());
  for (Node* each : {&again, &plain, &stranger}) {
    each->look_for_other(each == &again ? one.network->address() : two.network->address());
    ASSERT_TRUE(run_until(loop, {&one, &two, each}, [&] { return each->other.has_value(); }));
    EXPECT_EQ(*each->other, each == &again);
  }
}

TEST(ClusterNetwork, certificates_that_cannot_be_used_are_refused_at_the_start) {
  Loop loop;
  SystemClock clock;
  Node one(loop, "blue", 1);
  ClusterNetworkOptions options;
  options.listen = {"127.0.0.1", 0};
  options.tls = NodeTlsFiles{"/nowhere.pem", "/nowhere.key", "/nowhere.ca"};
  const auto opened = ClusterNetwork::open(loop, options, clock, one);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("/nowhere.pem"), std::string::npos);
}
