#include "records/decompressor.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "base/bytes.h"

namespace records {

namespace {

// The smallest step by which the output grows. The output is not allocated at the size that the
// input claims, because the claim may be false.
constexpr size_t kGrowthStep = 64 << 10;

Error corrupt(std::string_view codec) {
  return {ErrorCode::CorruptRecord, fmt::format("compressed records are damaged ({})", codec)};
}
Error too_large(size_t max_size) {
  return {ErrorCode::RecordTooLarge,
          fmt::format("records of one batch exceed {} bytes after decompression", max_size)};
}

enum class Progress { More, End, Corrupt };
struct Step {
  Progress progress;
  size_t written;
};

}  // namespace

class Decompressor::Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::string_view name() const = 0;
  // Returns false if the decoder could not be created.
  virtual bool is_ready() const = 0;
  // Returns the output space that the next call of decode() needs; 0 if any space is enough.
  virtual size_t room_for(std::string_view) { return 0; }
  // Writes at most `room` bytes to `to`, and removes the bytes that were read from the front of
  // `in`.
  virtual Step decode(std::string_view& in, char* to, size_t room) = 0;
};

namespace {

using Decoder = Decompressor::Decoder;

class Copy final : public Decoder {
 public:
  std::string_view name() const override { return "none"; }
  bool is_ready() const override { return true; }
  Step decode(std::string_view& in, char* to, size_t room) override {
    const size_t size = std::min(room, in.size());
    std::memcpy(to, in.data(), size);
    in.remove_prefix(size);
    return {in.empty() ? Progress::End : Progress::More, size};
  }
};

class Gunzip final : public Decoder {
 public:
  Gunzip() : is_ready_(inflateInit2(&stream_, 15 + 16) == Z_OK) {}
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;
  std::string_view name() const override { return "gzip"; }
  bool is_ready() const override { return is_ready_; }
  Step decode(std::string_view& in, char* to, size_t room) override {
    const auto offered = static_cast<uInt>(std::min<size_t>(room, UINT_MAX));
    const auto given = static_cast<uInt>(std::min<size_t>(in.size(), UINT_MAX));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = offered;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(given - stream_.avail_in);
    const size_t written = offered - stream_.avail_out;
    if (result == Z_STREAM_END) return {Progress::End, written};
    if (result != Z_OK && result != Z_BUF_ERROR) return {Progress::Corrupt, written};
    return {Progress::More, written};
  }

 private:
  z_stream stream_ = {};
  const bool is_ready_;
};

// A block of snappy is decompressed in one piece. The stream of Java's clients begins with
// kXerialMagic and two version numbers; then come blocks that are preceded by their lengths.
constexpr std::string_view kXerialMagic("\x82SNAPPY\0", 8);
constexpr size_t kXerialHeaderSize = 16;

class Unsnappy final : public Decoder {
 public:
  std::string_view name() const override { return "snappy"; }
  bool is_ready() const override { return true; }
  size_t room_for(std::string_view in) override {
    size_t size = 0;
    const std::string_view block = next_block(in);
    if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) return 0;
    // Snappy produces at most 64 bytes from three bytes of input: a larger claim is wrong, and is
    // refused before memory is allocated.
    return size > block.size() * 64 ? 0 : size;
  }
  Step decode(std::string_view& in, char* to, size_t room) override {
    const std::string_view block = next_block(in);
    if (is_at_end_) return {Progress::End, 0};
    size_t size = 0;
    if (is_damaged_ || !snappy::GetUncompressedLength(block.data(), block.size(), &size) ||
        size > room || size > block.size() * 64 ||
        !snappy::RawUncompress(block.data(), block.size(), to))
      return {Progress::Corrupt, 0};
    in.remove_prefix(static_cast<size_t>(block.data() + block.size() - in.data()));
    is_first_ = false;
    return {in.empty() ? Progress::End : Progress::More, size};
  }

 private:
  std::string_view next_block(std::string_view in) {
    is_at_end_ = is_damaged_ = false;
    if (is_first_) {
      is_stream_ = in.starts_with(kXerialMagic);
      if (!is_stream_) return in;
      is_damaged_ = in.size() < kXerialHeaderSize;
      if (is_damaged_) return {};
      in.remove_prefix(kXerialHeaderSize);
    }
    is_at_end_ = in.empty();
    if (is_at_end_) return {};
    ByteReader reader(in);
    const auto size = reader.be<int32_t>();
    const std::string_view block =
        size < 0 ? std::string_view() : reader.bytes(static_cast<size_t>(size));
    is_damaged_ = size < 0 || !reader.ok();
    return is_damaged_ ? std::string_view() : block;
  }

  bool is_first_ = true, is_stream_ = false, is_at_end_ = false, is_damaged_ = false;
};

class Unlz4 final : public Decoder {
 public:
  Unlz4() { LZ4F_createDecompressionContext(&context_, LZ4F_VERSION); }
  ~Unlz4() override { LZ4F_freeDecompressionContext(context_); }
  Unlz4(const Unlz4&) = delete;
  Unlz4& operator=(const Unlz4&) = delete;
  std::string_view name() const override { return "lz4"; }
  bool is_ready() const override { return context_ != nullptr; }
  Step decode(std::string_view& in, char* to, size_t room) override {
    size_t written = room;
    size_t taken = in.size();
    const size_t hint = LZ4F_decompress(context_, to, &written, in.data(), &taken, nullptr);
    if (LZ4F_isError(hint)) return {Progress::Corrupt, 0};
    in.remove_prefix(taken);
    return {hint == 0 ? Progress::End : Progress::More, written};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

class Unzstd final : public Decoder {
 public:
  Unzstd() : stream_(ZSTD_createDStream()) {
    // The largest window of a frame. A window above the limit of a batch would be useless.
    constexpr int kMaxWindowLog = 26;
    if (stream_) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ~Unzstd() override { ZSTD_freeDStream(stream_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;
  std::string_view name() const override { return "zstd"; }
  bool is_ready() const override { return stream_ != nullptr; }
  Step decode(std::string_view& in, char* to, size_t room) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer target{to, room, 0};
    const size_t hint = ZSTD_decompressStream(stream_, &target, &from);
    if (ZSTD_isError(hint)) return {Progress::Corrupt, 0};
    in.remove_prefix(from.pos);
    // The input may consist of several frames, so the end of a frame is the end of the data only if
    // no input is left.
    return {hint == 0 && in.empty() ? Progress::End : Progress::More, target.pos};
  }

 private:
  ZSTD_DStream* const stream_;
};

std::unique_ptr<Decoder> make_decoder(Codec codec) {
  switch (codec) {
    case Codec::None:
      return std::make_unique<Copy>();
    case Codec::Gzip:
      return std::make_unique<Gunzip>();
    case Codec::Snappy:
      return std::make_unique<Unsnappy>();
    case Codec::Lz4:
      return std::make_unique<Unlz4>();
    case Codec::Zstd:
      return std::make_unique<Unzstd>();
  }
  return nullptr;
}

}  // namespace

Decompressor::Decompressor(Codec codec, size_t max_size)
    : max_size_(max_size), decoder_(make_decoder(codec)) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

// Enlarges the output. The decoder gets space for one byte more than max_size: a result of exactly
// max_size bytes is accepted, and a longer result is detected.
Status Decompressor::grow(size_t wanted) {
  const size_t most = max_size_ + 1;
  if (used_ >= most || wanted > most - used_) return too_large(max_size_);
  const size_t capacity =
      std::min(most, std::max({capacity_ * 2, capacity_ + kGrowthStep, used_ + wanted}));
  auto* const grown = static_cast<char*>(std::realloc(out_.get(), capacity));
  if (!grown) return Error{ErrorCode::OutOfMemory, "not enough memory for compressed records"};
  [[maybe_unused]] char* const moved = out_.release();
  out_.reset(grown);
  capacity_ = capacity;
  return {};
}

Result<bool> Decompressor::step(std::string_view bytes, size_t most) {
  if (!decoder_) return Error{ErrorCode::CorruptRecord, "batch has an unknown compression codec"};
  if (!decoder_->is_ready())
    return Error{ErrorCode::Internal, fmt::format("{} could not start", decoder_->name())};
  std::string_view in = bytes.substr(consumed_);
  const size_t until = most < SIZE_MAX - used_ ? used_ + most : SIZE_MAX;
  while (true) {
    const size_t room = decoder_->room_for(in);
    if (used_ == capacity_ || room > capacity_ - used_) TRY(grow(room));
    // Offers not much more than `most` bytes to a codec that can stop anywhere.
    const size_t offered =
        std::max(room, std::min(capacity_ - used_, until > used_ ? until - used_ : 1));
    const size_t left = in.size();
    const Step step = decoder_->decode(in, out_.get() + used_, offered);
    used_ += step.written;
    consumed_ = bytes.size() - in.size();
    if (step.progress == Progress::Corrupt) return corrupt(decoder_->name());
    if (used_ > max_size_) return too_large(max_size_);
    if (step.progress == Progress::End) return true;
    // The decoder had space for output but made no progress, so the input is incomplete.
    if (step.written == 0 && in.size() == left) return corrupt(decoder_->name());
    if (used_ >= until) return false;
  }
}

}  // namespace records
