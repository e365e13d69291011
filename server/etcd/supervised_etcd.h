// An etcd member as a child of this process (docs/adr/0071): started with it, started again when it
// ends, and ended with it.
#pragma once
#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace server {

struct SupervisedEtcdOptions {
  std::string program = "etcd";  // a path, or a name that is looked up in PATH
  std::string data_dir;          // for etcd alone; created if it does not exist
  std::string token;             // of its cluster: members of other clusters are refused
  struct Member {
    std::string name;
    std::string peers;    // URL for the other members
    std::string clients;  // URL for its clients
  };
  size_t self = 0;  // index into the members
  std::vector<Member> members;
  std::string listen_peers,
      listen_clients;  // URLs of `self` with numeric addresses: etcd resolves no names
  // For connections between members, PEM; empty: plain text.
  struct Tls {
    std::string certificate, key, authority;
  } tls;
};

// Its command line, without the program. `is_new_cluster`: the members create a cluster together;
// otherwise the member joins an existing one.
std::vector<std::string> etcd_arguments(const SupervisedEtcdOptions& options, bool is_new_cluster);

// The child has a process group of its own, so that a terminal's Ctrl-C leaves its end to this
// process, and the kernel ends it when this process is killed. Its output is written to our
// standard error. A child that ends is started again, without a limit on attempts, after a pause
// that doubles from half a second to ten seconds. A member without data that is not part of a new
// cluster becomes a new member (rejoin_etcd.h).
//
// Threads: one of its own, which is the child's parent during its whole life.
class SupervisedEtcd {
 public:
  // Fails with NotSupported if the program does not exist, and with StorageFailure if its directory
  // cannot be created. A running child need not answer yet: it waits for a majority of its members.
  static Result<std::unique_ptr<SupervisedEtcd>> start(SupervisedEtcdOptions options);
  ~SupervisedEtcd();
  // Allows a member without data to be added as a new one in place of its predecessor, since this
  // process is now known to be the node. Before this call nothing is changed in an existing etcd: a
  // refused start must not leave a member behind that counts for the majority and never starts.
  void let_come();
  SupervisedEtcd(const SupervisedEtcd&) = delete;
  SupervisedEtcd& operator=(const SupervisedEtcd&) = delete;

 private:
  SupervisedEtcd(std::string program, SupervisedEtcdOptions options);
  void run();
  bool has_data() const;
  // Whether a member without data is part of a new cluster; waits until this is known. Nothing: it
  // has to stop.
  std::optional<bool> find_place(int64_t& pause_ms);
  void spawn(const std::vector<std::string>& arguments);
  // Blocks until the child has ended and returns how it ended.
  std::string await_end();
  // Returns false if it has to stop. Ends early when let_come() is called.
  bool pause(int64_t pause_ms);

  const std::string program_;
  const SupervisedEtcdOptions options_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable changed_;
  bool is_stopping_ = false, is_over_ = false, may_come_ = false;
  pid_t child_ = 0;     // 0: none
  std::thread thread_;  // destroyed first
};

}  // namespace server
