// An etcd member as a child of this process (docs/adr/0071): started with it, started again when it ends, ended
// with it.
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
  std::string data_dir;          // its own; made where it is not there
  std::string token;             // of its cluster: members of others are refused
  struct Member {
    std::string name;
    std::string peers;    // URL at which the other members reach it
    std::string clients;  // URL for its clients
  };
  size_t self = 0;  // of the members
  std::vector<Member> members;
  std::string listen_peers,
      listen_clients;  // URLs of `self` with numbers, as etcd resolves no names
  // Between members, PEM; none: they speak in the clear.
  struct Tls {
    std::string certificate, key, authority;
  } tls;
};

// Its command line, without the program. Members that make a cluster together are new; one that comes to a cluster
// which is there is not.
std::vector<std::string> etcd_arguments(const SupervisedEtcdOptions& options, bool is_new_cluster);

// The child is in a process group of its own, so that a terminal's Ctrl-C leaves it to us, and the kernel ends
// it when this process is killed. What it prints goes to our standard error. A child that ends is started again,
// after a pause that doubles from half a second to ten, for as long as it takes. One that has no data and is not taken
// as one of a new cluster comes back as a new member (rejoin_etcd.h).
//
// Threads: one of its own, which is the child's parent for as long as it lives.
class SupervisedEtcd {
 public:
  // Fails with NotSupported where there is no such program, with StorageFailure where its directory cannot
  // be made. That it runs does not mean that it answers: it waits for a majority of its members.
  static Result<std::unique_ptr<SupervisedEtcd>> start(SupervisedEtcdOptions options);
  ~SupervisedEtcd();
  // This process is the node: where its member has no data, etcd may be asked to take it for a new one, in the place of the one
  // before. Until then nothing is changed in an etcd that is there: a start that is refused must not leave a member behind
  // that counts and never comes.
  void let_come();
  SupervisedEtcd(const SupervisedEtcd&) = delete;
  SupervisedEtcd& operator=(const SupervisedEtcd&) = delete;

 private:
  SupervisedEtcd(std::string program, SupervisedEtcdOptions options);
  void run();
  bool has_data() const;
  // Whether a member without data is one of a new cluster; waits until that is known. Nothing where it is to stop.
  std::optional<bool> find_place(int64_t& pause_ms);
  void spawn(const std::vector<std::string>& arguments);
  // Blocks until the child has ended; how.
  std::string await_end();
  // False where it is to stop. Shorter where it may come since.
  bool pause(int64_t pause_ms);

  const std::string program_;
  const SupervisedEtcdOptions options_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable changed_;
  bool is_stopping_ = false, is_over_ = false, may_come_ = false;
  pid_t child_ = 0;     // 0: none
  std::thread thread_;  // goes first
};

}  // namespace server
