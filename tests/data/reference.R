# What gave reference_r.json: Rscript tests/data/reference.R, with psych and GPArotation installed.
suppressMessages(library(psych))
d <- read.csv("tests/data/synthetic_answers.csv")
dims <- list(efficiency=paste0("EF",1:7), trust=paste0("TR",1:4), reliability=paste0("RL",1:6), citizen_support=paste0("CS",1:4))
f <- function(x) formatC(x, digits=10, format="g")
for (dn in names(dims)) for (k in c("performance","importance")) {
  x <- d[paste0(dims[[dn]],"_",k)]
  a <- suppressWarnings(alpha(x))
  fe <- a$feldt
  fa1 <- factanal(covmat=cov(x), factors=1, n.obs=nrow(x), control=list(lower=1e-6))
  R <- cor(x); om <- 1 - sum(fa1$uniquenesses)/sum(R)
  S <- cov(x); omr <- 1 - sum(fa1$uniquenesses*diag(S))/sum(S)
  o <- tryCatch(suppressMessages(suppressWarnings(omega(x, nfactors=1, fm="ml", plot=FALSE, flip=FALSE)$omega.tot)), error=function(e) NA)
  cat("REL", dn, k, f(a$total$raw_alpha), f(a$total$std.alpha), f(unlist(fe$lower.ci)), f(unlist(fe$upper.ci)), f(omr), f(om), f(o), "\n")
  cat("DROP", dn, k, f(a$item.stats$r.drop), "\n")
}
for (it in unlist(dims)) {
  p <- d[[paste0(it,"_performance")]]; i <- d[[paste0(it,"_importance")]]
  tt <- t.test(p,i,paired=TRUE); w <- suppressWarnings(wilcox.test(p,i,paired=TRUE,exact=FALSE,correct=FALSE))
  cat("TEST", it, f(tt$statistic), f(tt$p.value), f(tt$conf.int), f(w$p.value), f(sd(p-i)), "\n")
}
ps <- sapply(unlist(dims), function(it) t.test(d[[paste0(it,"_performance")]], d[[paste0(it,"_importance")]], paired=TRUE)$p.value)
cat("BH", f(p.adjust(ps,"BH")), "\n")
cat(R.version.string, as.character(packageVersion("psych")), "\n")
