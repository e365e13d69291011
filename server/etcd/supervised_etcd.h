// Runs an etcd member as a child of this process (docs/adr/0071). The child is started with this
// process, started again when it ends, and ended with this process.
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
  std::string data_dir;          // directory for etcd only; created if it does not exist
  std::string token;             // token of the etcd cluster; members of other clusters are refused
  struct Member {
    std::string name;
    std::string peers;    // URL for the other members
    std::string clients;  // URL for its clients
  };
  size_t self = 0;  // index into the members
  std::vector<Member> members;
  std::string listen_peers,
      listen_clients;  // URLs of `self` with numeric addresses: etcd resolves no names
  // PEM files for connections between members. If they are empty, connections are in plain text.
  struct Tls {
    std::string certificate, key, authority;
  } tls;
};

// Returns etcd's command line, without the program. If `is_new_cluster`, the members create a
// cluster together; otherwise the member joins an existing cluster.
std::vector<std::string> etcd_arguments(const SupervisedEtcdOptions& options, bool is_new_cluster);

// The child has its own process group, so a Ctrl-C in a terminal does not reach it, and this
// process ends it in order. If this process is killed, the kernel ends the child. The child's
// output is written to the standard error of this process. A child that ends is started again,
// without a limit of attempts, after a pause that doubles from half a second to ten seconds. A
// member without data that is not part of a new cluster becomes a new member (rejoin_etcd.h).
//
// Threads: it has its own thread, which is the child's parent during the child's whole life.
class SupervisedEtcd {
 public:
  // Starts etcd. Fails with NotSupported if the program does not exist, and with StorageFailure if
  // its directory cannot be created. When start() returns, etcd may not answer yet, because it
  // waits for a majority of its members.
  static Result<std::unique_ptr<SupervisedEtcd>> start(SupervisedEtcdOptions options);
  ~SupervisedEtcd();
  // Permits that the child is added to an existing etcd as a new member, in place of its
  // predecessor, if it has no data. Called when it is certain that this process runs as the node.
  // Before this call nothing is changed in an existing etcd, because a refused start must not leave
  // a member behind that counts for the majority and never starts.
  void let_come();
  SupervisedEtcd(const SupervisedEtcd&) = delete;
  SupervisedEtcd& operator=(const SupervisedEtcd&) = delete;

 private:
  SupervisedEtcd(std::string program, SupervisedEtcdOptions options);
  void run();
  bool has_data() const;
  // Returns whether a member without data is part of a new cluster. Waits until this is known.
  // Returns nullopt if the thread has to stop.
  std::optional<bool> find_place(int64_t& pause_ms);
  void spawn(const std::vector<std::string>& arguments);
  // Blocks until the child has ended and returns how it ended.
  std::string await_end();
  // Waits for `pause_ms`, or until let_come() is called. Returns false if the thread has to stop.
  bool pause(int64_t pause_ms);

  const std::string program_;
  const SupervisedEtcdOptions options_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable changed_;
  bool is_stopping_ = false, is_over_ = false, may_come_ = false;
  pid_t child_ = 0;     // 0: no child runs
  std::thread thread_;  // destroyed first, since it uses the other members
};

}  // namespace server
