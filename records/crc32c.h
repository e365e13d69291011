// CRC-32C (Castagnoli), the checksum of record batches.
#pragma once
#include <cstdint>
#include <string_view>

namespace records {

uint32_t crc32c(std::string_view bytes);

}  // namespace records
