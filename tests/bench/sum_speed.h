// Speeds of one core that several rows compare with, each the best of some passes.
//
// All of them over blocks that lie in the L2 cache, eight inputs at a time, in gigabytes of input a
// second (1e9 bytes); the read bandwidth over a buffer far larger than any cache.
#ifndef CONSILIUM_TESTS_BENCH_SUM_SPEED_H_
#define CONSILIUM_TESTS_BENCH_SUM_SPEED_H_

namespace consilium::bench {

double ReadBandwidth();
double ExactSumSpeed();
double PlainAddSpeed();  // float + float, what a sum without our promise would do

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_SUM_SPEED_H_
