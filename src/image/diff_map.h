// An ISO as a map: every byte has a layer and a name, and the files of its root image can be read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/diff_layer.h"
#include "image/erofs_reader.h"
#include "image/iso_reader.h"
#include "image/manifest.h"

namespace lethe::image {

struct RootNode {
  ErofsNode node;
  ErofsPlace place;
  std::string package;     // from the manifest
  std::string first_link;  // the first path with the same content and inode
};

// A stretch of the ISO that belongs to one piece. A piece that others lie inside of has several.
struct Segment {
  uint64_t begin = 0;
  uint64_t end = 0;
  size_t piece = 0;
};

class ImageMap {
 public:
  // kMalformed where this is no ISO 9660 image; what cannot be read further down is in damage().
  // The bytes must outlive the map.
  static Result<ImageMap> Make(std::string_view iso);

  std::string_view iso() const { return iso_; }
  const IsoListing& listing() const { return listing_; }
  // Nothing where it cannot be read.
  const std::optional<Manifest>& manifest() const { return manifest_; }
  const std::vector<Segment>& segments() const { return segments_; }  // from 0 to the last byte
  const Piece& PieceOf(const Segment& segment) const { return list_.pieces[segment.piece]; }
  const std::vector<Sequence>& sequences() const { return list_.sequences; }
  const std::vector<std::string>& damage() const { return list_.damage; }

  // The segment that holds a byte of the ISO; `at` must be inside.
  const Segment& SegmentAt(uint64_t at) const;

  // The root image's bytes: empty where there is none.
  std::string_view root_image() const { return root_image_; }
  // By path; empty where the root image cannot be read.
  const std::map<std::string, RootNode>& root() const { return root_; }
  const ErofsReader& root_reader() const { return *reader_; }

 private:
  explicit ImageMap(std::string_view iso) : iso_(iso) {}
  void DescribeFiles();
  void DescribeRoot(uint64_t at);
  void ReadNodes(uint64_t at);
  void Paint();

  std::string_view iso_;
  IsoListing listing_;
  std::optional<Manifest> manifest_;
  PieceList list_;
  std::vector<Segment> segments_;
  std::string_view root_image_;
  std::optional<ErofsReader> reader_;
  std::map<std::string, RootNode> root_;
};

}  // namespace lethe::image
