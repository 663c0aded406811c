// SPDX-License-Identifier: BSL-1.0

package main

import "time"

func sieve(size sizes) []figure {
	start := time.Now()
	numbers := make(chan int32)
	go countUp(numbers)
	sum := 0
	for range size.count {
		prime := <-numbers
		sum += int(prime)
		rest := make(chan int32)
		go dropMultiples(prime, numbers, rest)
		numbers = rest
	}
	elapsed := time.Since(start)
	check(sum == sumOfPrimes(size.count), "sum of the primes")
	return []figure{{"ms", elapsed.Seconds() * 1e3}}
}

func countUp(numbers chan<- int32) {
	for number := int32(2); ; number++ {
		numbers <- number
	}
}

func dropMultiples(prime int32, numbers <-chan int32, rest chan<- int32) {
	for number := range numbers {
		if number%prime != 0 {
			rest <- number
		}
	}
}

func sumOfPrimes(count int) int {
	sum := 0
	for number := 2; count > 0; number++ {
		if isPrime(number) {
			sum += number
			count--
		}
	}
	return sum
}

func isPrime(number int) bool {
	for divisor := 2; divisor*divisor <= number; divisor++ {
		if number%divisor == 0 {
			return false
		}
	}
	return true
}
