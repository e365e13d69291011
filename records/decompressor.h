// Decompression in steps: a few bytes may become as many as one batch may hold, and whoever has an
// event loop to share does a part at a time.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "records/compression.h"

namespace records {

// Invariants: no more than the limit and one step of growth is ever allocated, whatever the input
//             claims about itself.
// Threads:    one at a time.
class Decompressor {
 public:
  Decompressor(Codec codec, size_t max_size);
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  // Goes on until about `most` bytes more have come out, at least some; true at the end. `bytes` is all
  // of the input, each time the same, though it may lie elsewhere by now. Fails as decompress() does,
  // and then is of no more use.
  Result<bool> step(std::string_view bytes, size_t most);

  // What has come out; valid until the next step.
  std::string_view bytes() const { return {out_.get(), used_}; }

  // How one codec goes on.
  class Decoder;

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  Status grow(size_t wanted);

  size_t max_size_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<char, Free> out_;  // grows in place where the heap can
  size_t used_ = 0, capacity_ = 0;
  size_t consumed_ = 0;  // of the input
};

}  // namespace records
