#include "engine/formats/none.h"

namespace engine {

namespace {

class NoneReader final : public Reader {
 public:
  void read(std::span<const std::optional<std::string_view>> payloads, std::span<Column* const>,
            RowStatus& status) override {
    status.clear();
    status.states.resize(payloads.size(), RowState::Null);
  }
};

class NoneWriter final : public Writer {
 public:
  void write(std::span<const Column* const>, RowRange rows, const Bitmap*,
             EncodedRows& out) override {
    for (size_t row = rows.first; row < rows.end; ++row) out.close(false);
  }
};

}  // namespace

std::unique_ptr<Reader> make_none_reader() { return std::make_unique<NoneReader>(); }
std::unique_ptr<Writer> make_none_writer() { return std::make_unique<NoneWriter>(); }

}  // namespace engine
