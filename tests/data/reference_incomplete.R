# What gave reference_incomplete.json: Rscript tests/data/reference_incomplete.R > tests/data/reference_incomplete.json
# with psych and GPArotation installed. Answers from 1 to 5 with empty cells and a help desk that few have asked.
suppressMessages(library(psych))
d <- read.csv("tests/data/synthetic_incomplete.csv", na.strings = c("", "tidak tahu", "belum pernah"))
dims <- list(efficiency = paste0("EF", 1:7), trust = paste0("TR", 1:4), reliability = paste0("RL", 1:6),
             citizen_support = paste0("CS", 1:4))
items <- unlist(dims, use.names = FALSE)
num <- function(x) ifelse(is.na(x), "null", formatC(x, digits = 12, format = "g"))
obj <- function(...) { v <- list(...); paste0("{", paste0('"', names(v), '": ', unlist(v), collapse = ", "), "}") }
arr <- function(x) paste0("[", paste(num(x), collapse = ", "), "]")
named <- function(names, values) paste0("{\n", paste0('  "', names, '": ', values, collapse = ",\n"), "\n }")

signed_ranks <- function(g) {
  # Pratt: zeros are ranked, then dropped; the variance of a sum of randomly signed ranks is sum(rank^2) / 4.
  r <- rank(abs(g)); keep <- g != 0
  z <- (sum(r[keep & g > 0]) - sum(r[keep]) / 2) / sqrt(sum(r[keep]^2) / 4)
  s <- rank(abs(g[keep])); h <- g[keep]
  c(pratt = 2 * pnorm(-abs(z)), biserial = (sum(s[h > 0]) - sum(s[h < 0])) / sum(s))
}
tests <- function(g) {
  t <- t.test(g); w <- suppressWarnings(wilcox.test(g, exact = FALSE, correct = FALSE)); s <- signed_ranks(g)
  obj(n = length(g), n_zero = sum(g == 0), t = num(t$statistic), p_t = num(t$p.value), p_wilcoxon = num(w$p.value),
      p_pratt = num(s["pratt"]), rank_biserial = num(s["biserial"]))
}
pairs <- lapply(items, function(i) na.omit(d[paste0(i, c("_performance", "_importance"))]))
names(pairs) <- items
gaps <- lapply(pairs, function(x) x[[1]] - x[[2]])
sums <- lapply(dims, function(k) {
  x <- na.omit(d[c(paste0(k, "_performance"), paste0(k, "_importance"))])
  rowSums(x[seq_along(k)]) - rowSums(x[length(k) + seq_along(k)])
})
scores <- sapply(items, function(i) {
  x <- pairs[[i]]; ci <- t.test(gaps[[i]])$conf.int
  obj(n = nrow(x), performance = num(mean(x[[1]])), performance_sd = num(sd(x[[1]])), importance = num(mean(x[[2]])),
      importance_sd = num(sd(x[[2]])), gap = num(mean(gaps[[i]])), gap_sd = num(sd(gaps[[i]])),
      gap_low = num(ci[1]), gap_high = num(ci[2]), tk = num(100 * sum(x[[1]]) / sum(x[[2]])))
})
p <- sapply(gaps, function(g) suppressWarnings(wilcox.test(g, exact = FALSE, correct = FALSE))$p.value)
rel <- c(); tot <- c()
for (dn in names(dims)) for (k in c("performance", "importance")) {
  x <- na.omit(d[paste0(dims[[dn]], "_", k)])
  a <- suppressWarnings(alpha(x)); S <- cov(x); R <- cor(x)
  f <- factanal(covmat = S, factors = 1, n.obs = nrow(x), control = list(lower = 1e-6))
  o <- suppressMessages(suppressWarnings(omega(x, nfactors = 1, fm = "ml", plot = FALSE, flip = FALSE)$omega.tot))
  place <- paste0(dn, "/", k)
  rel[place] <- obj(n = nrow(x), alpha = num(a$total$raw_alpha), alpha_standardised = num(a$total$std.alpha),
                    alpha_low = num(unlist(a$feldt$lower.ci)), alpha_high = num(unlist(a$feldt$upper.ci)),
                    omega = num(1 - sum(f$uniquenesses * diag(S)) / sum(S)), omega_standardised_psych = num(o))
  r <- a$item.stats$r.drop
  ci <- t(sapply(r, r.con, n = nrow(x)))
  tot[place] <- obj(r = arr(r), r_low = arr(ci[, 1]), r_high = arr(ci[, 2]), alpha_without = arr(a$alpha.drop$raw_alpha))
}
means <- sapply(pairs, colMeans)
cat("{\n", '"source": "', R.version.string, " with psych ", as.character(packageVersion("psych")),
    ': reference_incomplete.R on synthetic_incomplete.csv",\n', sep = "")
cat('"scores": ', named(items, scores), ",\n", sep = "")
cat('"tests": ', named(c(items, names(dims)), c(sapply(gaps, tests), sapply(sums, tests))), ",\n", sep = "")
cat('"wilcoxon_bh": ', arr(p.adjust(p, "BH")), ",\n", sep = "")
cat('"reliability": ', named(names(rel), rel), ",\n", sep = "")
cat('"item_total": ', named(names(tot), tot), ",\n", sep = "")
cat('"medians": ', arr(apply(means, 1, median)), ', "grand_means": ', arr(rowMeans(means)), "\n}\n", sep = "")
